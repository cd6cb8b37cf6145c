using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Cli.Explaining;

/// <summary>Draws overlays and strips.</summary>
internal static class Pictures
{
    /// <summary>PNG compression level: the lowest, because the model needs the cores.</summary>
    private const int Compression = 1;

    /// <summary>Reduces a photo to drawing size, to save memory while it waits for the model.</summary>
    public static RgbImage Fitted(RgbImage photo, ExplainRun run)
    {
        var longest = run.Save.HasFlag(SavedPictures.Overlay) ? run.Pictures.LongestSide : Math.Max(run.Pictures.PanelSide, 640);
        return Math.Max(photo.Width, photo.Height) <= longest
            ? photo
            : new ExplanationPicture(photo, new Heatmap(1, 1, [0]), default).Fit(longest).Photo;
    }

    /// <summary>Draws and writes the pictures of an image.</summary>
    /// <returns>Their number.</returns>
    public static int Save(ReadImage image, Explanation explanation, Explainer explainer, ExplainRun run, OutputFolder output)
    {
        var saved = 0;
        foreach (var (index, target) in explanation.Targets.Index())
        {
            var picture = Of(image, explanation, target, explainer, run.Pictures);
            foreach (var kind in run.Save.Each())
            {
                var path = output.PicturePath(image.Source, kind, index, target);
                var drawn = kind == SavedPictures.Strip ? picture.Strip(run.Pictures) : picture.Overlay(run.Pictures);
                var png = PngEncoder.Encode(drawn, Compression);
                AtomicFile.Write(path, PictureOwner.Mark(png, PicturePaths.Owner(image.Source)));
                saved++;
            }
        }

        return saved;
    }

    private static ExplanationPicture Of(
        ReadImage image,
        Explanation explanation,
        TargetExplanation target,
        Explainer explainer,
        PictureOptions options
    )
    {
        var (width, height) = (explainer.Preprocessing.InputWidth, explainer.Preprocessing.InputHeight);
        var (left, top) = explanation.Transform.ToOriginal(0, 0);
        var (right, bottom) = explanation.Transform.ToOriginal(width, height);
        var (x, y) = ((double)image.Photo!.Width / image.Width, (double)image.Photo.Height / image.Height);
        var signed = target.Negative is { } negative && options.Colormap == Colormap.Diverging ? Signed(target.Heatmap, negative) : null;
        return new ExplanationPicture(
            image.Photo,
            signed ?? target.Heatmap.Upsample(height, width).Normalize(),
            new BoundingBox(left * x, top * y, (right - left) * x, (bottom - top) * y)
        )
        {
            Boxes =
            [
                .. target.Boxes.Select(box => box with { X = box.X * x, Y = box.Y * y, Width = box.Width * x, Height = box.Height * y }),
            ],
            Title = Title(explanation, target),
            Ends = signed is null ? ("0", "1") : ("-1", "1"),
        };
    }

    // Evidence for minus evidence against, over the larger of the two.
    private static Heatmap Signed(Heatmap positive, Heatmap negative)
    {
        var largest = Math.Max(Math.Max(positive.Max, negative.Max), float.Epsilon);
        return new Heatmap(positive.Rows, positive.Columns, [.. positive.Values.Zip(negative.Values, (p, n) => (p - n) / largest)]);
    }

    private static string Title(Explanation explanation, TargetExplanation target)
    {
        var name = ShortName(target.Name, target.Class);
        var title = target.Against is { } against
            ? $"{name} against {ShortName(target.AgainstName, against)}"
            : FormattableString
                .Invariant($"{name} {explanation.Probability(target.Class):P0}")
                .Replace(" %", "%", StringComparison.Ordinal);
        return title + AskedBy(target);
    }

    /// <summary>Returns the targets that share a map: " (predicted, top:3)". Empty for one target.</summary>
    public static string AskedBy(TargetExplanation target) => target.Requested.Count > 1 ? $" ({string.Join(", ", target.Requested)})" : "";

    /// <summary>Returns the first synonym of a class: "tabby" for "tabby, tabby cat".</summary>
    public static string ShortName(string? name, int index) => name is null ? $"class {index}" : name.Split(',')[0].Trim();
}
