using AgCam.Evaluation.Metrics;
using MathNet.Numerics.Distributions;

namespace AgCam.Audit.Interventions;

/// <summary>Measurements of one candidate. They are whole numbers, so the sums of any parts are equal to the last digit.</summary>
public sealed record InterventionSums
{
    /// <summary>
    /// Drop of the class's probability when the suspected patches of its images are erased, and when patches at a random place are.
    /// </summary>
    public PairedMeans Erased { get; init; } = new();

    /// <summary>
    /// Images of other classes that are predicted as the class after its suspected patches were pasted in, and after patches of a random
    /// place were.
    /// </summary>
    public PairedCounts Pasted { get; init; } = new();

    public static InterventionSums operator +(InterventionSums left, InterventionSums right) =>
        new() { Erased = left.Erased + right.Erased, Pasted = left.Pasted + right.Pasted };
}

/// <summary>Sums of two numbers in [-1, 1] that were measured on the same images, in units of 2^-40.</summary>
public sealed record PairedMeans
{
    private const double Unit = 1L << 40;

    public int Images { get; init; }

    public long First { get; init; }

    public long FirstSquares { get; init; }

    public long Second { get; init; }

    public long SecondSquares { get; init; }

    public long DifferenceSquares { get; init; }

    /// <summary>Returns the sums of one image.</summary>
    public static PairedMeans Of(double first, double second) =>
        new()
        {
            Images = 1,
            First = Units(first),
            FirstSquares = Units(first * first),
            Second = Units(second),
            SecondSquares = Units(second * second),
            DifferenceSquares = Units((first - second) * (first - second)),
        };

    public static PairedMeans operator +(PairedMeans left, PairedMeans right) =>
        new()
        {
            Images = left.Images + right.Images,
            First = left.First + right.First,
            FirstSquares = left.FirstSquares + right.FirstSquares,
            Second = left.Second + right.Second,
            SecondSquares = left.SecondSquares + right.SecondSquares,
            DifferenceSquares = left.DifferenceSquares + right.DifferenceSquares,
        };

    /// <summary>Returns the mean of the first number with its 95 % interval (Student's t).</summary>
    public Interval FirstMean() => Mean(First, FirstSquares);

    /// <inheritdoc cref="FirstMean"/>
    public Interval SecondMean() => Mean(Second, SecondSquares);

    /// <summary>Returns the mean of first - second with its 95 % interval (paired t).</summary>
    public Interval Difference() => Mean(First - Second, DifferenceSquares);

    private Interval Mean(long sum, long squares)
    {
        if (Images < 2)
            return new Interval(Images == 0 ? 0 : sum / Unit, -1, 1);
        var mean = sum / Unit / Images;
        var variance = Math.Max(0, (squares / Unit) - (Images * mean * mean)) / (Images - 1);
        var half = StudentT.InvCDF(0, 1, Images - 1, 0.975) * Math.Sqrt(variance / Images);
        return new Interval(mean, mean - half, mean + half);
    }

    private static long Units(double value) => (long)Math.Round(value * Unit);
}

/// <summary>Counts of images by two outcomes, each yes or no, that were measured on the same images.</summary>
public sealed record PairedCounts
{
    public int Both { get; init; }

    public int OnlyFirst { get; init; }

    public int OnlySecond { get; init; }

    public int Neither { get; init; }

    public int Images => Both + OnlyFirst + OnlySecond + Neither;

    /// <summary>Returns the counts of one image.</summary>
    public static PairedCounts Of(bool first, bool second) =>
        (first, second) switch
        {
            (true, true) => new PairedCounts { Both = 1 },
            (true, false) => new PairedCounts { OnlyFirst = 1 },
            (false, true) => new PairedCounts { OnlySecond = 1 },
            _ => new PairedCounts { Neither = 1 },
        };

    public static PairedCounts operator +(PairedCounts left, PairedCounts right) =>
        new()
        {
            Both = left.Both + right.Both,
            OnlyFirst = left.OnlyFirst + right.OnlyFirst,
            OnlySecond = left.OnlySecond + right.OnlySecond,
            Neither = left.Neither + right.Neither,
        };

    /// <summary>Returns the share of images with the first outcome, with its 95 % interval (Wilson 1927).</summary>
    public Interval FirstRate() => Wilson(Both + OnlyFirst, Images);

    /// <inheritdoc cref="FirstRate"/>
    public Interval SecondRate() => Wilson(Both + OnlySecond, Images);

    /// <summary>
    /// Returns the difference of the rates with its 95 % interval: Newcombe's method 10 for paired proportions (Statistics in Medicine
    /// 1998). It holds for rates near 0 and 1, where the normal interval has no width.
    /// </summary>
    public Interval Difference()
    {
        if (Images == 0)
            return new Interval(0, -1, 1);
        var (first, second, phi) = (FirstRate(), SecondRate(), Correlation());
        var difference = first.Mean - second.Mean;
        var down = Distance(first.Mean - first.Low, second.High - second.Mean, phi);
        var up = Distance(first.High - first.Mean, second.Mean - second.Low, phi);
        return new Interval(difference, Math.Max(-1, difference - down), Math.Min(1, difference + up));

        static double Distance(double one, double other, double phi) =>
            Math.Sqrt(Math.Max(0, (one * one) - (2 * phi * one * other) + (other * other)));
    }

    /// <summary>Returns the correlation of the outcomes. A positive one is corrected for continuity.</summary>
    private double Correlation()
    {
        var product =
            Math.Sqrt((double)Both + OnlyFirst)
            * Math.Sqrt((double)OnlySecond + Neither)
            * Math.Sqrt((double)Both + OnlySecond)
            * Math.Sqrt((double)OnlyFirst + Neither);
        if (product == 0)
            return 0;
        var determinant = ((double)Both * Neither) - ((double)OnlyFirst * OnlySecond);
        return (determinant > 0 ? Math.Max(0, determinant - (Images / 2.0)) : determinant) / product;
    }

    private static Interval Wilson(int count, int images)
    {
        if (images == 0)
            return new Interval(0, 0, 1);
        const double z = 1.959963984540054; // 97.5 % of the normal distribution
        var rate = (double)count / images;
        var middle = (rate + (z * z / (2 * images))) / (1 + (z * z / images));
        var half = z / (1 + (z * z / images)) * Math.Sqrt((rate * (1 - rate) / images) + (z * z / (4.0 * images * images)));
        return new Interval(rate, Math.Max(0, middle - half), Math.Min(1, middle + half));
    }
}
