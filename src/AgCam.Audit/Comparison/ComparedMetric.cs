using AgCam.Evaluation.Metrics;

namespace AgCam.Audit.Comparison;

/// <summary>One number of a comparison. Gates name it.</summary>
/// <param name="Name">Name in reports and gates.</param>
/// <param name="GreaterIsBetter">Whether a greater value is better.</param>
/// <param name="Meaning">Sentence for a person.</param>
public sealed record ComparedMetric(string Name, bool GreaterIsBetter, string Meaning)
{
    /// <summary>Number of images that were measured.</summary>
    public long Count { get; init; }

    /// <summary>Value with its 95 % interval; null where it was not measured.</summary>
    public Interval? Value { get; init; }

    /// <summary>Reason why there is no value; null where there is one.</summary>
    public string? Missing { get; init; }

    /// <summary>Smallest change of the value that this number of images detects: 80 % power, two-sided test at 5 %.</summary>
    public double? SmallestChange { get; init; }

    /// <summary>Value that changes are relative to: A's accuracy, or the floor of a map measure; null where there is none.</summary>
    public double? Baseline { get; init; }

    /// <summary>Value minus baseline over the same images, with its 95 % interval.</summary>
    public Interval? Change { get; init; }

    /// <summary>Value that 95 % of the random splits of all images stay below; null for a metric that is no drift.</summary>
    public double? ByChance { get; init; }

    /// <summary>P-value of the permutation test; null for a metric that is no drift.</summary>
    public double? PValue { get; init; }

    /// <summary>Mean over the classes, each with the same weight; null where it was not measured.</summary>
    public double? ClassMean { get; init; }

    /// <summary>Mean of the same model on the mirrored image; null where it was not measured.</summary>
    public double? Ceiling { get; init; }
}
