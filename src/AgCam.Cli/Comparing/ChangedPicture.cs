using System.Globalization;
using AgCam.Audit.Comparison;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline.Records;

namespace AgCam.Cli.Comparing;

/// <summary>An image of the report with the maps of both jobs side by side.</summary>
/// <param name="Group">The heading that it stands under.</param>
internal sealed record ChangedPicture(string Group, string Caption, byte[] Png)
{
    private const int Side = 192;
    private const int PerGroup = 8;

    /// <summary>Draws the images with the least similar maps and the negative flips. Without its original, a map is drawn alone.</summary>
    public static async Task<IReadOnlyList<ChangedPicture>> DrawAsync(
        JobPairing pairing,
        OriginalImages originals,
        IReadOnlyList<ImageComparison> images,
        IReadOnlyList<ImageComparison> changed,
        CancellationToken cancellationToken
    )
    {
        var pictures = new List<ChangedPicture>();
        var flips = images.Where(image => image.IsNegativeFlip).OrderBy(image => image.B.Probability).Reverse();
        foreach (
            var (group, members) in new[] { ("Negative flips, B's most probable first", flips), ("The maps that differ most", changed) }
        )
        {
            var shown = members.Take(PerGroup).ToList();
            var explanations = await pairing.ExplanationsAsync(shown, cancellationToken);
            foreach (var image in shown)
            {
                var (a, b) = (explanations[image.A.Explanation], explanations[image.B.Explanation]);
                if (pairing.Map(a) is not { } mapA || pairing.Map(b) is not { } mapB)
                    continue;
                var photo = await PhotoAsync(originals, image, cancellationToken);
                var strip = Strip.Compose(
                    [
                        .. photo is null ? [] : new[] { new Panel(PictureScaled(photo), "input") },
                        new Panel(await PanelAsync(photo, a, mapA), $"A: {mapA.Name}"),
                        new Panel(await PanelAsync(photo, b, mapB), $"B: {mapB.Name}"),
                    ],
                    new ColorBar(Colormap.Inferno, "low", "high")
                );
                pictures.Add(new ChangedPicture(group, Describe(image), PngEncoder.Encode(strip)));
            }
        }
        return pictures;

        async Task<RgbImage> PanelAsync(RgbImage? photo, StoredExplanation explanation, TargetMap map)
        {
            var normalized = JobPairing.Heatmap(map).Normalize();
            return photo is null
                ? Overlay.Paint(normalized, Side, Math.Max(1, Side * map.Rows / map.Columns), Colormap.Inferno)
                : new ExplanationPicture(photo, normalized, await pairing.CoversAsync(explanation, cancellationToken))
                    .Fit(Side)
                    .Overlay(new PictureOptions { PanelSide = Side, Boxes = false });
        }
    }

    private static RgbImage PictureScaled(RgbImage photo)
    {
        var (width, height) = PictureScaling.Fit(photo.Width, photo.Height, Side);
        return PictureScaling.Resize(photo, width, height);
    }

    private static async Task<RgbImage?> PhotoAsync(OriginalImages originals, ImageComparison image, CancellationToken cancellationToken)
    {
        try
        {
            return await originals.ReadAsync(image, cancellationToken);
        }
        catch (ImageException)
        {
            return null;
        }
    }

    private static string Describe(ImageComparison image)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{image.A.Uri}: spearman {image.Similarity[0]:0.000}; A predicts {image.A.Predicted} ({image.A.Probability:0.00}), "
                + $"B {image.B.Predicted} ({image.B.Probability:0.00})"
        );
        return image.A.LabelClass is { } label ? $"{text}; label {label}" : text;
    }
}
