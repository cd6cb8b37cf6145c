using System.Globalization;
using AgCam.Attribution;
using AgCam.Evaluation;
using AgCam.Evaluation.Datasets;
using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Cli.Evaluating;

/// <summary>A picture of the HTML page.</summary>
/// <param name="Group">The heading it stands under.</param>
internal sealed record ShownPicture(string Group, string Caption, byte[] Png)
{
    private const int Most = 4;

    /// <summary>
    /// Draws the best and worst images of the reference method again. Returns none if it was not measured or has no ranking metric.
    /// </summary>
    public static IReadOnlyList<ShownPicture> BestAndWorst(Explainer explainer, EvaluationRun run, EvaluationTables tables)
    {
        if (tables.Reference is not { } method)
            return [];
        var metric = new[] { "iou", "energyLift", "abpc" }.FirstOrDefault(name => tables.Ranked(method, name).Count > 0);
        if (metric is null)
            return [];
        var ranked = tables.Ranked(method, metric);
        var name = method == AttributionMethod.Paper ? "AG-CAM" : method;
        var worst = ranked.Take(Math.Min(Most, ranked.Count / 2)).ToList();
        var best = ranked.Reverse().Take(Math.Min(Most, ranked.Count - worst.Count)).ToList();
        var wanted = worst.Concat(best).Select(image => image.Image).ToHashSet(StringComparer.Ordinal);
        var samples = Dataset
            .Read(run.Dataset!, run.Layout, run.Images)
            .Where(sample => wanted.Contains(sample.Key))
            .Take(wanted.Count)
            .ToDictionary(sample => sample.Key);
        return
        [
            .. best.Select(image => Draw($"{name}'s best by {metric}", image)),
            .. worst.Select(image => Draw($"{name}'s worst by {metric}", image)),
        ];

        ShownPicture Draw(string group, (string Image, double Value) ranked)
        {
            var sample = samples[ranked.Image];
            var photo = ImageDecoder.Decode(ImageDecoder.ReadFile(sample.Path, run.Limits), run.Limits);
            var label = explainer.Classes.Find(sample.Label!);
            var explanation = explainer.Explain(
                photo,
                new ExplainOptions
                {
                    Targets = [Target.Parse(label.ToString(CultureInfo.InvariantCulture), explainer.Classes)],
                    Threshold = run.Options.Threshold,
                    Method = AttributionMethod.Find(method)!,
                }
            );
            var strip = (
                ExplanationPicture.Of(photo, explanation, explanation.Targets[0], explainer.Preprocessing) with
                {
                    GroundTruth = sample.Boxes,
                }
            ).Strip(new PictureOptions { PanelSide = 192 });
            return new ShownPicture(
                group,
                string.Create(CultureInfo.InvariantCulture, $"{ranked.Image}: {metric} {ranked.Value:0.000}"),
                PngEncoder.Encode(strip)
            );
        }
    }
}
