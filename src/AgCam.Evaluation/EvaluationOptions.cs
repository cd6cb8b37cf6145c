using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using AgCam.Attribution;

namespace AgCam.Evaluation;

/// <summary>Families of <see cref="Metric"/>s that can be measured.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MetricFamily>))]
public enum MetricFamily
{
    /// <summary>The paper's five scores and weakly supervised localisation.</summary>
    Localization,

    /// <summary>The pointing game and its energy form.</summary>
    Pointing,

    /// <summary>The paper's perturbation test: 20 masked forward passes per image and method.</summary>
    Perturbation,

    /// <summary>Insertion, deletion and confidence: two masked forward passes per row of pixels, image and method.</summary>
    Insertion,

    /// <summary>Scores against the dataset's masks: pixels above the threshold, maximum and mass.</summary>
    Masks,

    /// <summary>Similarity with the maps of another class and of models with randomised weights, and stability under noise.</summary>
    Sanity,
}

/// <summary>Protocol of the five localisation scores and of the perturbation test.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Parity>))]
public enum Parity
{
    /// <summary>Pixels count by their centres, areas use the trapezoid rule.</summary>
    None,

    /// <summary>
    /// The paper's code. Boxes are filled one pixel too far, ground-truth corners are truncated to whole input pixels, sums start at 1e-5,
    /// and areas are plain means over the eleven steps.
    /// </summary>
    Paper,
}

/// <summary>Methods and metrics of an evaluation.</summary>
public sealed record EvaluationOptions
{
    public required IReadOnlyList<AttributionMethod> Methods { get; init; }

    public required IReadOnlyList<MetricFamily> Families { get; init; }

    /// <summary>
    /// Threshold on the normalised map, a multiple of 0.001 in [0, 1), for boxes and for GT-known, Top-1 and Top-5 Loc. Default 0.5, as in
    /// the paper.
    /// </summary>
    [Range(0, 0.999)]
    public double Threshold { get; init; } = 0.5;

    /// <summary>Protocol of the scores. Default none.</summary>
    public Parity Parity { get; init; } = Parity.None;

    /// <summary>Number of images per masked forward pass. Default 20: one image's perturbation test.</summary>
    [Range(1, 4096)]
    public int MaskedBatch { get; init; } = 20;

    /// <summary>True when every metric needs boxes or masks, so an image without them cannot be measured.</summary>
    public bool NeedsObjects => Families.All(family => family is MetricFamily.Localization or MetricFamily.Pointing or MetricFamily.Masks);

    public bool UsesBoxes => Has(MetricFamily.Localization) || Has(MetricFamily.Pointing);

    public bool Has(MetricFamily family) => Families.Contains(family);

    /// <summary>Returns true when both options measure the same numbers.</summary>
    public bool Measures(EvaluationOptions other) =>
        Methods.SequenceEqual(other.Methods)
        && Families.SequenceEqual(other.Families)
        && Threshold == other.Threshold
        && Parity == other.Parity
        && MaskedBatch == other.MaskedBatch;

    /// <summary>Returns true when the value is a step of the threshold sweep: a multiple of 0.001 in [0, 1).</summary>
    public static bool IsThreshold(double value) => value is >= 0 and < 1 && Math.Abs((value * 1000) - Math.Round(value * 1000)) <= 1e-6;
}
