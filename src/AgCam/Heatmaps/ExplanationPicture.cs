using System.ComponentModel.DataAnnotations;
using AgCam.Images;
using AgCam.Preprocessing;

namespace AgCam.Heatmaps;

/// <summary>How explanations are drawn.</summary>
public sealed record PictureOptions
{
    /// <summary>Default: inferno. A diverging map is for signed heatmaps.</summary>
    public Colormap Colormap { get; init; } = Colormap.Inferno;

    /// <summary>How much of the photo the hottest place loses.</summary>
    [Range(0.0, 1.0)]
    public double Opacity { get; init; } = 0.75;

    /// <summary>Longest side of an overlay in pixels; a larger photo is made smaller, a smaller one keeps its size.</summary>
    [Range(16, 16384)]
    public int LongestSide { get; init; } = 2048;

    /// <summary>Longest side of a picture in a strip, in pixels; every photo is brought to it.</summary>
    [Range(64, 2048)]
    public int PanelSide { get; init; } = 336;

    /// <summary>Whether an overlay has the boxes on it.</summary>
    public bool Boxes { get; init; } = true;
}

/// <summary>One explanation of a photo, ready to be drawn. Boxes and areas in pixels of the photo.</summary>
/// <param name="Heatmap">Normalised: values in [0, 1], or in [-1, 1] when it is drawn with a diverging colormap. Of any size.</param>
/// <param name="Covers">The rectangle of the photo that the heatmap covers, which may stick out of it.</param>
public sealed record ExplanationPicture(RgbImage Photo, Heatmap Heatmap, BoundingBox Covers)
{
    public IReadOnlyList<BoundingBox> Boxes { get; init; } = [];

    public IReadOnlyList<BoundingBox> GroundTruth { get; init; } = [];

    /// <summary>What the heatmap explains, for the captions: a class and its probability.</summary>
    public string Title { get; init; } = "heatmap";

    /// <summary>The numbers at the ends of the colour bar: what 0 and 1 of the normalised heatmap were.</summary>
    public (string Low, string High) Ends { get; init; } = ("0", "1");

    /// <summary>The picture of one explained target.</summary>
    /// <param name="photo">The photo that was explained, at its original size.</param>
    /// <param name="input">Of the model that explained it.</param>
    /// <exception cref="ArgumentException">The photo has another size than the one that was explained.</exception>
    public static ExplanationPicture Of(RgbImage photo, Explanation explanation, TargetExplanation target, PreprocessingOptions input)
    {
        var transform = explanation.Transform;
        if ((photo.Width, photo.Height) != (transform.OriginalWidth, transform.OriginalHeight))
            throw new ArgumentException(
                $"The photo is {photo.Width} x {photo.Height}, but what was explained is {transform.OriginalWidth} x "
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

    /// <summary>The heatmap over the photo, with the boxes when the options say so.</summary>
    public RgbImage Overlay(PictureOptions? options = null)
    {
        options ??= new();
        var longest = Math.Max(Photo.Width, Photo.Height);
        var fitted = longest > options.LongestSide ? Fit(options.LongestSide) : this;
        var overlay = fitted.Blend(options);
        return options.Boxes ? BoxDrawing.Draw(overlay, fitted.Boxes, fitted.GroundTruth) : overlay;
    }

    /// <summary>Input, heatmap and boxes side by side, with captions and a colour bar.</summary>
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

    /// <summary>The same at another size: the longest side of the photo in pixels.</summary>
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
