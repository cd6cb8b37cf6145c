using System.Text.Json.Serialization;
using AgCam.Metrics;

namespace AgCam.Evaluation;

/// <summary>What was measured of one image: a line of --rows. Rows of shards merge in any order.</summary>
public sealed record ImageRow(string Image)
{
    /// <summary>Reason why the image does not count; then only its label may be known, and the model's values are null.</summary>
    public string? Skipped { get; init; }

    /// <summary>Class index of the label; null when an image is skipped before its class is known.</summary>
    public int? Label { get; init; }

    /// <summary>Null where the model has no class names.</summary>
    public string? LabelName { get; init; }

    public int? Predicted { get; init; }

    /// <summary>Softmax probability of the label.</summary>
    public double? Probability { get; init; }

    /// <summary>Softmax probability of the predicted class. Not part of the line.</summary>
    [JsonIgnore]
    public double? PredictedProbability { get; init; }

    /// <summary>The label is among the five most probable classes.</summary>
    public bool? Top5 { get; init; }

    /// <summary>Why the metrics that need boxes leave the image out.</summary>
    public string? WithoutBoxes { get; init; }

    /// <summary>Why the metrics that need masks leave the image out.</summary>
    public string? WithoutMask { get; init; }

    /// <summary>Boxes put right or left out, by reason.</summary>
    public IReadOnlyDictionary<string, int> Repaired { get; init; } = new Dictionary<string, int>();

    /// <summary>By the method's name.</summary>
    public IReadOnlyDictionary<string, MethodRow> Methods { get; init; } = new Dictionary<string, MethodRow>();

    public bool? Correct => Label is { } label && Predicted is { } predicted ? label == predicted : null;
}

/// <summary>One method on one image.</summary>
public sealed record MethodRow
{
    /// <summary>Why its map says nothing, e.g. flat-heatmap.</summary>
    public string? Skipped { get; init; }

    /// <summary>By the metric's name; one that is not defined for the image is not there.</summary>
    public IReadOnlyDictionary<string, double> Values { get; init; } = new Dictionary<string, double>();

    /// <summary>The perturbation test's curves, 11 probabilities each.</summary>
    public IReadOnlyList<double>? Morf { get; init; }

    /// <inheritdoc cref="Morf"/>
    public IReadOnlyList<double>? Lerf { get; init; }

    /// <summary>Null where there are no boxes.</summary>
    public BoxHits? Hits { get; init; }
}
