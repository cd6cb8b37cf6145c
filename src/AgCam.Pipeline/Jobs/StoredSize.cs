using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;
using AgCam.Pipeline.Stores.Measuring;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Estimates the stored bytes of an image: its two encoded records, with keys, indexes and half-empty pages.
/// </summary>
internal static class StoredSize
{
    /// <summary>Bytes an image beyond the encoded records, measured on SQLite files of synthetic images.</summary>
    internal const int Overhead = 900;

    private static readonly SyntheticImages Images = new(1);

    /// <returns>Bytes an image.</returns>
    public static int Estimate(ModelCard model, JobSpec spec, IReadOnlyList<ImageReference> sample)
    {
        var ranked = spec.Targets.Max(Ranked); // the predicted class is among the top ones
        var maps = ranked + spec.Targets.Distinct().Count(target => Ranked(target) == 0);
        var explanation = ExplanationDocument.Encode(Shaped(model, maps)).Length;
        var item =
            sample.Count == 0
                ? ItemDocument.Encode(Filled(new ImageReference())).Length
                : (int)sample.Average(image => ItemDocument.Encode(Filled(image)).Length);
        return explanation + item + Overhead;
    }

    /// <summary>Returns how many of the most probable classes a target explains; 0 for other targets.</summary>
    private static int Ranked(string target) =>
        target == "predicted" ? 1
        : target.StartsWith("top:", StringComparison.Ordinal) && int.TryParse(target[4..], out var count) ? count
        : 0;

    /// <summary>Returns an explanation with the model's shape and arbitrary numbers.</summary>
    private static StoredExplanation Shaped(ModelCard model, int maps)
    {
        var template = Images.Explanation(0);
        var map = TargetMap.From(["predicted"], 0, template.Maps[0].Name, model.Rows, model.Columns, new float[model.Rows * model.Columns]);
        return template with
        {
            Top = [.. template.Top.Take(Math.Min(StoredExplanation.MaxTop, model.Classes.Count))],
            Logits = TopLogits.From(new float[model.Classes.Count]),
            Maps = [.. Enumerable.Repeat(map, Math.Max(1, maps))],
        };
    }

    private static Item Filled(ImageReference image) =>
        Images.Item(default, 0, default) with
        {
            Kind = image.Kind,
            Uri = image.Uri,
            Split = image.Split,
            Metadata = image.Metadata,
            Stamp = image.Stamp,
        };
}
