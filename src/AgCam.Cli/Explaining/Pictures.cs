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
        var longest = run.Save == SavedPicture.Strip ? Math.Max(run.Pictures.PanelSide, 640) : run.Pictures.LongestSide;
        return Math.Max(photo.Width, photo.Height) <= longest
            ? photo
            : new ExplanationPicture(photo, new Heatmap(1, 1, [0]), default).Fit(longest).Photo;
    }

    public static void Save(ReadImage image, Explanation explanation, Explainer explainer, ExplainRun run, OutputFolder output)
    {
        for (var i = 0; i < explanation.Targets.Count; i++)
        {
            var picture = Of(image, explanation, explanation.Targets[i], explainer, run.Pictures);
            var path = output.PicturePath(image.Source, i);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var png = PngEncoder.Encode(
                run.Save == SavedPicture.Strip ? picture.Strip(run.Pictures) : picture.Overlay(run.Pictures),
                Compression
            );
            OutputFolder.WriteAtomically(path, PictureOwner.Mark(png, PicturePaths.Owner(image.Source)));
        }
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
        return target.Against is { } against
            ? $"{name} against {ShortName(target.AgainstName, against)}"
            : FormattableString
                .Invariant($"{name} {explanation.Probability(target.Class):P0}")
                .Replace(" %", "%", StringComparison.Ordinal);
    }

    /// <summary>Returns the first synonym of a class: "tabby" for "tabby, tabby cat".</summary>
    public static string ShortName(string? name, int index) => name is null ? $"class {index}" : name.Split(',')[0].Trim();
}
