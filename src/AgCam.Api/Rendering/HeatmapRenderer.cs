using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Records;
using AgCam.Preprocessing;

namespace AgCam.Api.Rendering;

/// <summary>Draws a stored map: computes its rectangle in the picture and its boxes.</summary>
internal sealed record HeatmapRenderer(StoredExplanation Explanation, TargetMap Target, PreprocessingOptions Preprocessing)
{
    private Heatmap Raw { get; } = new(Target.Rows, Target.Columns, Target.Values());

    private InputTransform Transform { get; } =
        Preprocessor.TransformOf(Preprocessing, Explanation.Picture.Width, Explanation.Picture.Height);

    /// <summary>Rectangle of the picture that the map covers, in pixels: smaller after a crop, larger after padding.</summary>
    public BoundingBox Covers => Preprocessor.MapArea(Preprocessing, Explanation.Picture.Width, Explanation.Picture.Height);

    /// <summary>Boxes in original pixels.</summary>
    public IReadOnlyList<BoundingBox> Boxes(double threshold) =>
        [.. InputBoxes(threshold).Select(Transform.ToOriginal).OfType<BoundingBox>()];

    /// <summary>Draws the heatmap over the photo.</summary>
    public RgbImage Overlay(RgbImage photo, PictureQuery query)
    {
        var picture = new ExplanationPicture(photo, Raw.Normalize(), Covers) { Boxes = query.Boxes ? Boxes(query.Threshold) : [] };
        return (query.Size is { } size ? picture.Fit(size) : picture).Overlay(
            new PictureOptions
            {
                Colormap = query.Colormap,
                Opacity = query.Opacity,
                LongestSide = query.Size ?? query.MaxSide,
                Boxes = query.Boxes,
            }
        );
    }

    /// <summary>Draws the heatmap without the photo, on the model's input.</summary>
    public RgbImage Heat(PictureQuery query)
    {
        var (width, height) = (Preprocessing.InputWidth, Preprocessing.InputHeight);
        var scale = (query.Size ?? Math.Max(width, height)) / (double)Math.Max(width, height);
        var (drawnWidth, drawnHeight) = (Math.Max(1, (int)Math.Round(width * scale)), Math.Max(1, (int)Math.Round(height * scale)));
        var painted = Heatmaps.Overlay.Paint(Raw.Normalize(), drawnWidth, drawnHeight, query.Colormap);
        return query.Boxes
            ? BoxDrawing.Draw(
                painted,
                [
                    .. InputBoxes(query.Threshold)
                        .Select(box => new BoundingBox(box.X * scale, box.Y * scale, box.Width * scale, box.Height * scale, box.Score)),
                ]
            )
            : painted;
    }

    private IReadOnlyList<BoundingBox> InputBoxes(double threshold) =>
        Raw.Boxes(Preprocessing.InputWidth, Preprocessing.InputHeight, threshold);
}
