using System.ComponentModel.DataAnnotations;

namespace AgCam.Evaluation.Metrics;

/// <summary>A mean with the ends of its confidence interval.</summary>
public readonly record struct Interval(double Mean, double Low, double High);

/// <summary>
/// Percentile bootstrap of a mean. Each resample draws as many images as there are, with replacement. The interval holds the middle share
/// of the resampled means. The same values in the same order give the same digits on every machine.
/// </summary>
public sealed record Bootstrap
{
    public static Bootstrap Default { get; } = new();

    [Range(100, 1_000_000)]
    public int Resamples { get; init; } = 1000;

    [Range(0.5, 0.9999)]
    public double Confidence { get; init; } = 0.95;

    public ulong Seed { get; init; } = 20240220;

    /// <exception cref="ArgumentException">There are no values.</exception>
    public Interval Mean(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty)
            throw new ArgumentException("No values to average: every image was skipped.", nameof(values));
        var random = Seed;
        var means = new double[Resamples];
        for (var resample = 0; resample < means.Length; resample++)
        {
            var sum = 0.0;
            for (var i = 0; i < values.Length; i++)
                sum += values[(int)Math.BigMul(SplitMix64.Next(ref random), (ulong)values.Length, out _)];
            means[resample] = sum / values.Length;
        }
        Array.Sort(means);
        var tail = (1 - Confidence) / 2;
        return new Interval(Average(values), Quantile(means, tail), Quantile(means, 1 - tail));
    }

    /// <summary>
    /// Returns the mean of first - second over the same images in the same order. An interval without 0 means that the methods differ.
    /// </summary>
    public Interval MeanDifference(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        if (first.Length != second.Length)
            throw new ArgumentException($"Paired values must have the same count, not {first.Length} and {second.Length}.", nameof(second));
        var differences = new double[first.Length];
        for (var i = 0; i < differences.Length; i++)
            differences[i] = first[i] - second[i];
        return Mean(differences);
    }

    private static double Average(ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        foreach (var value in values)
            sum += value;
        return sum / values.Length;
    }

    /// <summary>Interpolates linearly between the two nearest sorted values.</summary>
    private static double Quantile(double[] sorted, double share)
    {
        var exact = share * (sorted.Length - 1);
        var below = Math.Min((int)exact, sorted.Length - 2);
        return sorted[below] + (sorted[below + 1] - sorted[below]) * (exact - below);
    }
}
