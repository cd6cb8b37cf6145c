using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using AgCam.Attribution;

namespace AgCam.Evaluation;

/// <summary>What is measured. Each is a family of <see cref="Metric"/>s.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MetricFamily>))]
public enum MetricFamily
{
    /// <summary>The paper's five scores, and weakly supervised localisation.</summary>
    Localization,

    /// <summary>The pointing game and its energy form.</summary>
    Pointing,

    /// <summary>The paper's perturbation test: 20 masked forward passes an image and method.</summary>
    Perturbation,

    /// <summary>Insertion, deletion and confidence: two masked forward passes for each row of pixels, an image and method.</summary>
    Insertion,

    /// <summary>Pixels above the threshold, maximum and mass against the dataset's masks.</summary>
    Masks,

    /// <summary>
    /// How little is left of the map for another class and for a model that loses its weights from the head down, and how steady it is
    /// under noise.
    /// </summary>
    Sanity,
}

/// <summary>Whose protocol the five localisation scores and the perturbation test follow.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Parity>))]
public enum Parity
{
    /// <summary>Pixels count by their centres, areas by the trapezoid rule.</summary>
    None,

    /// <summary>
    /// The paper's, quirks included: boxes are filled one pixel too far, ground-truth corners are cut to whole input pixels, sums start at
    /// 1e-5, areas are plain means over the eleven steps.
    /// </summary>
    Paper,
}

/// <summary>Which methods are measured on a model, and how.</summary>
public sealed record EvaluationOptions
{
    public required IReadOnlyList<AttributionMethod> Methods { get; init; }

    public required IReadOnlyList<MetricFamily> Families { get; init; }

    /// <summary>
    /// Of the normalised map, a multiple of 0.001 in [0, 1): where boxes are cut and GT-known, Top-1 and Top-5 Loc are taken. Default
    /// 0.5, the paper's.
    /// </summary>
    [Range(0, 0.999)]
    public double Threshold { get; init; } = 0.5;

    /// <summary>Default none.</summary>
    public Parity Parity { get; init; } = Parity.None;

    /// <summary>Pictures of one masked forward pass. Default 20: one image's perturbation test.</summary>
    [Range(1, 4096)]
    public int MaskedBatch { get; init; } = 20;

    /// <summary>Whether every metric needs boxes or masks, so that an image without them has nothing to measure.</summary>
    public bool NeedsObjects => Families.All(family => family is MetricFamily.Localization or MetricFamily.Pointing or MetricFamily.Masks);

    public bool UsesBoxes => Has(MetricFamily.Localization) || Has(MetricFamily.Pointing);

    public bool Has(MetricFamily family) => Families.Contains(family);

    /// <summary>Whether the other options ask for the same numbers.</summary>
    public bool Measures(EvaluationOptions other) =>
        Methods.SequenceEqual(other.Methods)
        && Families.SequenceEqual(other.Families)
        && Threshold == other.Threshold
        && Parity == other.Parity
        && MaskedBatch == other.MaskedBatch;

    /// <summary>Whether boxes may be cut there: the sweep of thresholds has steps of 0.001.</summary>
    public static bool IsThreshold(double value) => value is >= 0 and < 1 && Math.Abs((value * 1000) - Math.Round(value * 1000)) <= 1e-6;
}
