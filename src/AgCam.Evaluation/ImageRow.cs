using System.Text.Json.Serialization;
using AgCam.Evaluation.Metrics;

namespace AgCam.Evaluation;

/// <summary>Measured values of one image: a line of --rows. Rows of shards merge in any order.</summary>
public sealed record ImageRow(string Image)
{
    /// <summary>Reason why the image is not evaluated. Then only the label may be known, and the model's values are null.</summary>
    public string? Skipped { get; init; }

    /// <summary>Class index of the label; null when an image is skipped before its class is known.</summary>
    public int? Label { get; init; }

    /// <summary>Class name of the label; null where the model has no class names.</summary>
    public string? LabelName { get; init; }

    public int? Predicted { get; init; }

    /// <summary>Softmax probability of the label.</summary>
    public double? Probability { get; init; }

    /// <summary>Softmax probability of the predicted class. Not written to the line.</summary>
    [JsonIgnore]
    public double? PredictedProbability { get; init; }

    /// <summary>True when the label is among the five most probable classes.</summary>
    public bool? Top5 { get; init; }

    /// <summary>Reason why the image has no box metrics.</summary>
    public string? WithoutBoxes { get; init; }

    /// <summary>Reason why the image has no mask metrics.</summary>
    public string? WithoutMask { get; init; }

    /// <summary>Number of clipped or dropped boxes, by reason.</summary>
    public IReadOnlyDictionary<string, int> Repaired { get; init; } = new Dictionary<string, int>();

    /// <summary>Values by method name.</summary>
    public IReadOnlyDictionary<string, MethodRow> Methods { get; init; } = new Dictionary<string, MethodRow>();

    public bool? Correct => Label is { } label && Predicted is { } predicted ? label == predicted : null;
}

/// <summary>Values of one method on one image.</summary>
public sealed record MethodRow
{
    /// <summary>Reason why the map has no values, e.g. flat-heatmap.</summary>
    public string? Skipped { get; init; }

    /// <summary>Values by metric name. A metric that is undefined for the image has no entry.</summary>
    public IReadOnlyDictionary<string, double> Values { get; init; } = new Dictionary<string, double>();

    /// <summary>Curve of the perturbation test: 11 probabilities.</summary>
    public IReadOnlyList<double>? Morf { get; init; }

    /// <inheritdoc cref="Morf"/>
    public IReadOnlyList<double>? Lerf { get; init; }

    /// <summary>Box hits; null where the image has no boxes.</summary>
    public BoxHits? Hits { get; init; }
}
