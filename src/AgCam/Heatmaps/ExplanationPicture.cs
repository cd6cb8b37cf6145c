using System.ComponentModel.DataAnnotations;
using AgCam.Images;
using AgCam.Preprocessing;

namespace AgCam.Heatmaps;

/// <summary>Options of the pictures of an explanation.</summary>
public sealed record PictureOptions
{
    /// <summary>Colormap of the heatmap. A diverging one is for signed heatmaps. Default inferno.</summary>
    public Colormap Colormap { get; init; } = Colormap.Inferno;

    /// <summary>Share of the photo that the colour replaces at the hottest pixel, 0 to 1. Default 0.75.</summary>
    [Range(0.0, 1.0)]
    public double Opacity { get; init; } = 0.75;

    /// <summary>Maximum side of an overlay in pixels. A larger photo is scaled down. Default 2048.</summary>
    [Range(16, 16384)]
    public int LongestSide { get; init; } = 2048;

    /// <summary>
    /// Longest side of a picture in a strip, in pixels. Every photo is scaled to it. The overlay of a smaller photo is scaled up to it.
    /// Default 336.
    /// </summary>
    [Range(64, 2048)]
    public int PanelSide { get; init; } = 336;

    /// <summary>When true, an overlay shows the boxes. Default true.</summary>
    public bool Boxes { get; init; } = true;
}

/// <summary>One explanation of a photo to draw. Boxes and areas are in pixels of the photo.</summary>
/// <param name="Heatmap">Normalised to [0, 1], or to [-1, 1] for a diverging colormap. Any size.</param>
/// <param name="Covers">Rectangle of the photo that the heatmap covers. It may exceed the photo.</param>
public sealed record ExplanationPicture(RgbImage Photo, Heatmap Heatmap, BoundingBox Covers)
{
    public IReadOnlyList<BoundingBox> Boxes { get; init; } = [];

    public IReadOnlyList<BoundingBox> GroundTruth { get; init; } = [];

    /// <summary>Caption of the heatmap: a class and its probability.</summary>
    public string Title { get; init; } = "heatmap";

    /// <summary>Labels of the colour bar: the raw values at 0 and 1 of the normalised heatmap.</summary>
    public (string Low, string High) Ends { get; init; } = ("0", "1");

    /// <summary>Creates the picture of one explained target.</summary>
    /// <param name="photo">The explained photo, at its original size.</param>
    /// <param name="input">Preprocessing of the model that explained it.</param>
    /// <exception cref="ArgumentException">The photo's size differs from that of the explained one.</exception>
    public static ExplanationPicture Of(RgbImage photo, Explanation explanation, TargetExplanation target, PreprocessingOptions input)
    {
        var transform = explanation.Transform;
        if ((photo.Width, photo.Height) != (transform.OriginalWidth, transform.OriginalHeight))
            throw new ArgumentException(
                $"The photo is {photo.Width} x {photo.Height}, but the explained image is {transform.OriginalWidth} x "
                    + $"{transform.OriginalHeight}.",
                nameof(photo)
            );
        var (left, top) = transform.ToOriginal(0, 0);
        var (right, bottom) = transform.ToOriginal(input.InputWidth, input.InputHeight);
        var map = target.Heatmap.Upsample(input.InputHeight, input.InputWidth);
        var against = target.Against is { } other ? $" against {target.AgainstName ?? $"class {other}"}" : "";
        return new ExplanationPicture(photo, map.Normalize(), new BoundingBox(left, top, right - left, bottom - top))
        {
            Boxes = target.Boxes,
            Title = FormattableString.Invariant(
                $"{target.Name ?? $"class {target.Class}"}{against}  {explanation.Probability(target.Class):0.00}"
            ),
            Ends = (FormattableString.Invariant($"{map.Min:G3}"), FormattableString.Invariant($"{map.Max:G3}")),
        };
    }

    /// <summary>Draws the heatmap over the photo, with the boxes when the options say so.</summary>
    public RgbImage Overlay(PictureOptions? options = null)
    {
        options ??= new();
        var longest = Math.Max(Photo.Width, Photo.Height);
        var drawn = Math.Clamp(longest, Math.Min(options.PanelSide, options.LongestSide), options.LongestSide);
        var fitted = drawn == longest ? this : Fit(drawn);
        var overlay = fitted.Blend(options);
        return options.Boxes ? BoxDrawing.Draw(overlay, fitted.Boxes, fitted.GroundTruth) : overlay;
    }

    /// <summary>Draws the input, the heatmap and the boxes side by side, with captions and a colour bar.</summary>
    public RgbImage Strip(PictureOptions? options = null)
    {
        options ??= new();
        var fitted = Fit(options.PanelSide);
        var boxes = fitted.Boxes.Count switch
        {
            0 => "no box",
            1 => "1 box",
            var count => $"{count} boxes",
        };
        return Heatmaps.Strip.Compose(
            [
                new(fitted.Photo, "input"),
                new(fitted.Blend(options), Title),
                new(
                    BoxDrawing.Draw(fitted.Photo, fitted.Boxes, fitted.GroundTruth, scores: true),
                    GroundTruth.Count > 0 ? $"{boxes}; truth dashed" : boxes
                ),
            ],
            new ColorBar(options.Colormap, Ends.Low, Ends.High)
        );
    }

    /// <summary>Returns the same picture with the photo's longest side scaled to the given pixels.</summary>
    public ExplanationPicture Fit(int longest)
    {
        var (width, height) = PictureScaling.Fit(Photo.Width, Photo.Height, longest);
        var (x, y) = ((double)width / Photo.Width, (double)height / Photo.Height);
        return this with
        {
            Photo = PictureScaling.Resize(Photo, width, height),
            Covers = Scale(Covers),
            Boxes = [.. Boxes.Select(Scale)],
            GroundTruth = [.. GroundTruth.Select(Scale)],
        };

        BoundingBox Scale(BoundingBox box) => box with { X = box.X * x, Y = box.Y * y, Width = box.Width * x, Height = box.Height * y };
    }

    private RgbImage Blend(PictureOptions options) => Heatmaps.Overlay.Blend(Photo, Heatmap, Covers, options.Colormap, options.Opacity);
}
