using AgCam.Evaluation;
using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Testing;

/// <summary>
/// Returns valid records for tests. Equal arguments give equal records.
/// </summary>
internal static class Some
{
    public static readonly ModelPin Model = new() { Id = "vit_tiny", Sha256 = Digest("model") };

    public static Digest Digest(string text) => AgCam.Digest.Of(System.Text.Encoding.UTF8.GetBytes(text));

    public static JobSpec Spec(string source = "folder:/data/pets", params string[] tags) =>
        new()
        {
            Source = source,
            Model = Model,
            Tags = tags,
        };

    /// <summary>Returns a finding: every third is about a class, every second about labels.</summary>
    public static StoredFinding Finding(int number, int seed = 0) =>
        new(
            number,
            number % 2 == 0 ? "label" : "dark",
            number % 3 == 2 ? null : number / 2,
            number % 4 == 3 ? null : number % 4,
            number % 5 != 4,
            [(byte)seed, (byte)number]
        );

    public static JobSpec Evaluation(string dataset) =>
        new()
        {
            Source = EvaluationSpec.Source + dataset,
            Model = Model,
            Method = EvaluationSpec.Method,
            Evaluation = new EvaluationSpec
            {
                Methods = ["agcam", "rollout"],
                Metrics = [MetricFamily.Localization, MetricFamily.Pointing],
                Batch = 4,
            },
        };

    public static ImageReference Reference(int number, string? label = null) =>
        new()
        {
            Number = number,
            Uri = $"/data/pets/{number}.jpg",
            Label = label,
        };

    public static IReadOnlyList<ImageReference> References(int from, int count) =>
        [.. Enumerable.Range(from, count).Select(number => Reference(number))];

    public static ExplainImages Request(string key, int count = 1) =>
        new()
        {
            Key = key,
            Model = Model,
            References = References(0, count),
        };

    public static ExplainImages Message(Chunk chunk) =>
        chunk.Request is { } request
            ? request with
            {
                PublishCount = chunk.PublishCount,
            }
            : new ExplainImages
            {
                Key = $"{chunk.Owner}/{chunk.Number}",
                JobId = chunk.Owner,
                Chunk = chunk.Number,
                PublishCount = chunk.PublishCount,
                Generation = chunk.Generation,
                Model = Model,
                References = chunk.References,
            };

    /// <summary>Returns an explanation. Every third has no embedding.</summary>
    public static StoredExplanation Explanation(int seed, int classes = 120)
    {
        var random = new Random(seed);
        var values = new float[14 * 14];
        foreach (ref var value in values.AsSpan())
            value = random.NextSingle();
        var logits = new float[classes];
        foreach (ref var logit in logits.AsSpan())
            logit = random.NextSingle() * 20 - 10;
        return new StoredExplanation
        {
            Id = Digest($"explanation {seed}"),
            Image = Digest($"image {seed}"),
            Provenance = Digest("provenance"),
            Picture = new PictureFacts(640 + seed, 480, unchecked(seed * (long)0x9E3779B97F4A7C15), 0.5f, 12.25f, 7.5f, 0.125f, 0.875f),
            Top = [.. Enumerable.Range(0, 5).Select(rank => new StoredPrediction(rank, ClassName(rank), 9.5f - rank, 0.75f / (rank + 1)))],
            Logits = TopLogits.From(logits),
            LogSumExp = 9.875f,
            Maps = [TargetMap.From(["predicted", "class:0"], 0, ClassName(0), 14, 14, values)],
            Embedding = seed % 3 == 0 ? null : HalfBytes.From(logits),
        };
    }

    public static Item Item(
        Guid job,
        int number,
        DateTimeOffset time,
        Digest? explanation,
        string? predicted = null,
        float probability = 0.5f,
        string? label = null,
        float? labelProbability = 0.25f
    )
    {
        var isClass = label is not null && labelProbability is not null;
        predicted ??= ClassName(number % 3);
        return new Item
        {
            Job = job,
            Number = number,
            Status = ItemStatus.Completed,
            Kind = ReferenceKind.File,
            Uri = $"/data/pets/{number}.jpg",
            Sha256 = Digest($"image {number}"),
            Model = Model.Id,
            Predicted = predicted,
            Probability = probability,
            Label = label,
            LabelClass = isClass ? label : null,
            LabelProbability = isClass ? labelProbability : null,
            Correct = isClass ? label == predicted : null,
            Boxes = [new BoundingBox(1.5, 2, 30, 40.25, 0.5)],
            Explanation = explanation ?? Explanation(number).Id,
            Time = time,
        };
    }

    public static Item Failure(Guid job, int number, DateTimeOffset time, string reason = "corrupt") =>
        new()
        {
            Job = job,
            Number = number,
            Status = ItemStatus.Failed,
            Reason = reason,
            Detail = "The file ends early.",
            Kind = ReferenceKind.File,
            Uri = $"/data/pets/{number}.jpg",
            Model = Model.Id,
            Time = time,
        };

    /// <summary>Returns a result in which each image is completed with its own explanation.</summary>
    public static ChunkResult Result(ChunkLease lease, Chunk chunk, DateTimeOffset time) =>
        new(
            lease,
            [.. chunk.References.Select(reference => Explanation(reference.Number))],
            [.. chunk.References.Select(reference => Item(chunk.Owner, reference.Number, time, null, label: reference.Label))]
        );

    private static string ClassName(int @class) =>
        (@class % 3) switch
        {
            0 => "cat",
            1 => "dog",
            _ => "tench, Tinca tinca",
        };
}
