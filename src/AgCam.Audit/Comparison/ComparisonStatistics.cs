using AgCam.Evaluation.Metrics;

namespace AgCam.Audit.Comparison;

/// <summary>
/// Intervals of a comparison at 95 %. Means have the seeded percentile bootstrap over images, proportions Wilson's interval, which does not
/// shrink to a point where nothing was counted.
/// </summary>
internal static class ComparisonStatistics
{
    /// <summary>97.5 % quantile of the normal distribution.</summary>
    private const double Z = 1.959963984540054;

    /// <summary>
    /// Standard errors that a change must have to be detected with 80 % power in a two-sided test at 5 %: the 97.5 % and 80 % quantiles.
    /// </summary>
    private const double DetectableErrors = Z + 0.8416212335729143;

    /// <summary>Returns the smallest change of a mean that n values detect.</summary>
    public static double SmallestChange(IReadOnlyList<double> values)
    {
        if (values.Count < 2)
            return double.NaN;
        var mean = values.Average();
        var variance = values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1);
        return DetectableErrors * Math.Sqrt(variance / values.Count);
    }

    /// <summary>Returns Wilson's score interval of a proportion (1927).</summary>
    public static Interval Proportion(long count, long n)
    {
        var share = (double)count / n;
        var centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n);
        var half = Z * Math.Sqrt(share * (1 - share) / n + Z * Z / (4.0 * n * n)) / (1 + Z * Z / n);
        return new Interval(share, count == 0 ? 0 : centre - half, count == n ? 1 : centre + half);
    }

    /// <summary>Returns the smallest change of a proportion that n images detect. The share is shrunk as by Agresti and Coull.</summary>
    public static double SmallestChange(long count, long n)
    {
        var share = (count + 2.0) / (n + 4);
        return DetectableErrors * Math.Sqrt(share * (1 - share) / n);
    }

    /// <summary>
    /// Returns the difference of two proportions of the same images, second - first, with the interval of Newcombe (1998), method 10.
    /// </summary>
    /// <param name="both">Number of images that count in both.</param>
    /// <param name="first">Number of images that count in the first only.</param>
    /// <param name="second">Number of images that count in the second only.</param>
    public static Interval PairedDifference(long both, long first, long second, long n)
    {
        var neither = n - both - first - second;
        var product = (double)(both + first) * (second + neither) * (both + second) * (first + neither);
        var numerator = (double)both * neither - (double)first * second;
        if (numerator > 0)
            numerator = Math.Max(0, numerator - n / 2.0);
        var phi = product > 0 ? numerator / Math.Sqrt(product) : 0;
        return Difference(Proportion(both + first, n), Proportion(both + second, n), phi);
    }

    /// <summary>Returns the difference of proportions of different images, second - first, with the interval of Newcombe (1998).</summary>
    public static Interval Difference((long Count, long N) first, (long Count, long N) second) =>
        Difference(Proportion(first.Count, first.N), Proportion(second.Count, second.N), phi: 0);

    /// <param name="phi">Correlation of the two proportions.</param>
    private static Interval Difference(Interval one, Interval two, double phi)
    {
        var difference = two.Mean - one.Mean;
        return new Interval(
            difference,
            difference - Half(two.Mean - two.Low, one.High - one.Mean),
            difference + Half(two.High - two.Mean, one.Mean - one.Low)
        );

        double Half(double a, double b) => Math.Sqrt(Math.Max(0, a * a - 2 * phi * a * b + b * b));
    }

    /// <summary>Returns the smallest difference of two proportions of the same images that n images detect.</summary>
    /// <param name="first">Number of images that count in the first only.</param>
    /// <param name="second">Number of images that count in the second only.</param>
    public static double SmallestDifference(long first, long second, long n)
    {
        var (a, b) = (first + 0.5, second + 0.5); // without disagreement the variance would be 0
        return DetectableErrors * Math.Sqrt(a + b - (a - b) * (a - b) / n) / n;
    }

    /// <summary>
    /// Returns (x - floor) / (ceiling - floor) of the means. Each resample draws images with replacement and takes all three values of an
    /// image. Images with a ceiling and images without are drawn apart, because only a sample has one.
    /// </summary>
    /// <param name="images">Values of each image; the ceiling is NaN where it was not measured.</param>
    /// <returns>Null where the ceiling is not above the floor, or no image has a ceiling.</returns>
    public static CalibratedValue? Calibrate(IReadOnlyList<(double Value, double Floor, double Ceiling)> images)
    {
        var sampled = images.Where(image => !double.IsNaN(image.Ceiling)).ToArray();
        var others = images.Where(image => double.IsNaN(image.Ceiling)).ToArray();
        if (sampled.Length < 2 || Ratio(Sums.Of(sampled) + Sums.Of(others), images.Count, sampled.Length) is not { } value)
            return null;
        var bootstrap = Bootstrap.Default;
        var random = bootstrap.Seed;
        var resampled = new List<double>(bootstrap.Resamples);
        for (var resample = 0; resample < bootstrap.Resamples; resample++)
        {
            var sums = Draw(sampled, ref random) + Draw(others, ref random);
            if (Ratio(sums, images.Count, sampled.Length) is { } ratio)
                resampled.Add(ratio);
        }
        // A resample without a ceiling above the floor has no value. Many of them mean that the scale is not determined.
        if (resampled.Count < 0.99 * bootstrap.Resamples)
            return null;
        resampled.Sort();
        var mean = resampled.Average();
        var deviation = Math.Sqrt(resampled.Sum(ratio => (ratio - mean) * (ratio - mean)) / (resampled.Count - 1));
        return new CalibratedValue(
            new Interval(value, Quantile(resampled, 0.025), Quantile(resampled, 0.975)),
            DetectableErrors * deviation
        );
    }

    /// <summary>Interpolates linearly between the two nearest sorted values.</summary>
    public static double Quantile(IReadOnlyList<double> sorted, double share)
    {
        var exact = share * (sorted.Count - 1);
        var below = Math.Min((int)exact, Math.Max(0, sorted.Count - 2));
        return sorted[below] + (sorted[Math.Min(below + 1, sorted.Count - 1)] - sorted[below]) * (exact - below);
    }

    private static double? Ratio(Sums sums, int images, int sampled)
    {
        var (value, floor, ceiling) = (sums.Value / images, sums.Floor / images, sums.Ceiling / sampled);
        return ceiling > floor ? (value - floor) / (ceiling - floor) : null;
    }

    private static Sums Draw((double, double, double)[] images, ref ulong random)
    {
        var sums = new Sums();
        for (var i = 0; i < images.Length; i++)
            sums = sums.Plus(images[(int)Math.BigMul(SplitMix64.Next(ref random), (ulong)images.Length, out _)]);
        return sums;
    }

    private readonly record struct Sums(double Value, double Floor, double Ceiling)
    {
        public static Sums Of(IEnumerable<(double, double, double)> images) =>
            images.Aggregate(new Sums(), (sums, image) => sums.Plus(image));

        public Sums Plus((double Value, double Floor, double Ceiling) image) =>
            new(Value + image.Value, Floor + image.Floor, Ceiling + (double.IsNaN(image.Ceiling) ? 0 : image.Ceiling));

        public static Sums operator +(Sums a, Sums b) => new(a.Value + b.Value, a.Floor + b.Floor, a.Ceiling + b.Ceiling);
    }
}

/// <summary>A mean on the scale from floor (0) to ceiling (1).</summary>
/// <param name="SmallestChange">Smallest change that these images detect.</param>
internal readonly record struct CalibratedValue(Interval Value, double SmallestChange);
