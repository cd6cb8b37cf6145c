using AgCam.Pipeline.Records;

namespace AgCam.Api.Views;

/// <summary>An explanation. The same id always gives the same answer.</summary>
internal sealed record ExplanationView
{
    public required Digest Id { get; init; }

    /// <summary>SHA-256 of the image file.</summary>
    public required Digest Image { get; init; }

    public required PictureView Picture { get; init; }

    /// <summary>Most probable classes, highest probability first.</summary>
    public required IReadOnlyList<StoredPrediction> Predictions { get; init; }

    /// <summary>Highest logits, at most 100, highest first.</summary>
    public required LogitsView Logits { get; init; }

    /// <summary>log(sum(exp(logits))) over all classes: exp(logit - logSumExp) is a probability.</summary>
    public required float LogSumExp { get; init; }

    public float? LabelLogit { get; init; }

    public required IReadOnlyList<TargetView> Targets { get; init; }

    /// <summary>Address of the embedding as an array for NumPy. Absent if the request left it out.</summary>
    public string? Embedding { get; init; }

    /// <summary>Id of the record of how it was computed: /v1/provenances/{provenance}.</summary>
    public required Digest Provenance { get; init; }

    public static ExplanationView Of(StoredExplanation explanation) =>
        new()
        {
            Id = explanation.Id,
            Image = explanation.Image,
            Picture = PictureView.Of(explanation.Picture),
            Predictions = explanation.Top,
            Logits = LogitsView.Of(explanation.Logits),
            LogSumExp = explanation.LogSumExp,
            LabelLogit = explanation.LabelLogit,
            Targets = [.. explanation.Maps.Select((map, index) => TargetView.Of(explanation.Id, map, index))],
            Embedding = explanation.Embedding is null ? null : $"/v1/explanations/{explanation.Id}/embedding",
            Provenance = explanation.Provenance,
        };
}

/// <param name="PerceptualHash">16 hexadecimal digits. Similar pictures differ in few bits.</param>
internal sealed record PictureView(
    int Width,
    int Height,
    string PerceptualHash,
    float Brightness,
    float Blur,
    float Entropy,
    float LumaP5,
    float LumaP99
)
{
    public static PictureView Of(PictureFacts facts) =>
        new(
            facts.Width,
            facts.Height,
            facts.PerceptualHash.ToString("x16"),
            facts.Brightness,
            facts.Blur,
            facts.Entropy,
            facts.LumaP5,
            facts.LumaP99
        );
}

internal sealed record LogitsView(IReadOnlyList<int> Classes, IReadOnlyList<float> Values)
{
    public static LogitsView Of(TopLogits logits) =>
        new([.. Enumerable.Range(0, logits.Count).Select(logits.Class)], [.. Enumerable.Range(0, logits.Count).Select(logits.Value)]);
}

/// <param name="Targets">Targets that asked for the map: predicted, top:5, label:3, predicted-vs-label:3.</param>
/// <param name="Against">Class on the other side of a contrastive target; null for a plain one.</param>
/// <param name="Dtype">Number type of the map's values: float16.</param>
/// <param name="Map">Raw map, base64 of little-endian values, row-major: 2 x rows x columns bytes.</param>
/// <param name="Overlay">Addresses of the map as pictures and as an array for NumPy.</param>
internal sealed record TargetView(
    IReadOnlyList<string> Targets,
    int Class,
    string Name,
    int? Against,
    string? AgainstName,
    int Rows,
    int Columns,
    float Min,
    float Max,
    float Sum,
    string Dtype,
    byte[] Map,
    string Overlay,
    string Heatmap,
    string Array
)
{
    public static TargetView Of(Digest id, TargetMap map, int index)
    {
        var (at, query) = ($"/v1/explanations/{id}", index == 0 ? "" : $"?target={index}");
        return new TargetView(
            map.Targets,
            map.Class,
            map.Name,
            map.Against,
            map.AgainstName,
            map.Rows,
            map.Columns,
            map.Min,
            map.Max,
            map.Sum,
            TargetMap.Dtype,
            map.Map,
            $"{at}/overlay.png{query}",
            $"{at}/heatmap.png{query}",
            $"{at}/heatmap{query}"
        );
    }
}
