using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Estimates the stored bytes of an image: its two encoded records, with keys, indexes and half-empty pages.
/// </summary>
internal static class StoredSize
{
    /// <summary>Bytes an image beyond the encoded records, measured on SQLite files of synthetic images.</summary>
    internal const int Overhead = 900;

    private const string ClassName = "class 000";

    private static readonly Digest Id = Digest.Of("template"u8);

    /// <returns>Bytes an image.</returns>
    public static int Estimate(ModelCard model, JobSpec spec, IReadOnlyList<ImageReference> sample)
    {
        var ranked = spec.Targets.Max(Ranked); // the predicted class is among the top ones
        var maps = ranked + spec.Targets.Distinct().Count(target => Ranked(target) == 0);
        var explanation = ExplanationDocument.Encode(Shaped(model, maps, spec.Embedding)).Length;
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
    private static StoredExplanation Shaped(ModelCard model, int maps, bool withEmbedding)
    {
        var map = TargetMap.From(["predicted"], 0, ClassName, model.Rows, model.Columns, new float[model.Rows * model.Columns]);
        var ranks = Enumerable.Range(0, Math.Min(StoredExplanation.MaxTop, model.Classes.Count));
        return new StoredExplanation
        {
            Id = Id,
            Image = Id,
            Provenance = Id,
            Picture = new PictureFacts(640, 480, 0x7F3F_1F0F_0703_0100, 0.5f, 120.5f, 7.25f, 0.125f, 0.875f),
            Top = [.. ranks.Select(rank => new StoredPrediction(rank, ClassName, 12f - rank, 0.5f / (rank + 1)))],
            Logits = TopLogits.From(new float[model.Classes.Count]),
            LogSumExp = 12.5f,
            Maps = [.. Enumerable.Repeat(map, Math.Max(1, maps))],
            Embedding = withEmbedding ? new byte[2 * model.Config.Width] : null,
        };
    }

    /// <summary>Returns a completed item of the image with arbitrary numbers and two boxes.</summary>
    private static Item Filled(ImageReference image) =>
        new()
        {
            Job = default,
            Number = 0,
            Status = ItemStatus.Completed,
            Kind = image.Kind,
            Uri = image.Uri,
            Sha256 = Id,
            Label = image.Label,
            LabelClass = image.Label,
            LabelLogit = image.Label is null ? null : 3.5f,
            LabelProbability = image.Label is null ? null : 0.25f,
            Correct = image.Label is null ? null : true,
            Split = image.Split,
            Metadata = image.Metadata,
            Stamp = image.Stamp,
            Model = ClassName,
            Predicted = ClassName,
            Probability = 0.5f,
            Boxes = [new BoundingBox(12, 40, 310, 222, 0.75), new BoundingBox(400, 10, 80, 64, 0.125)],
            Explanation = Id,
            Time = default,
        };
}
