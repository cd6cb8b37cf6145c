namespace AgCam.Audit;

/// <summary>A share or mean with its 95 % interval.</summary>
/// <param name="Images">Number of images that it was measured on.</param>
public sealed record Estimate(long Images, double Value, double Low, double High)
{
    private const double Quantile = 1.959963984540054; // of the normal distribution, two-sided 95 %

    /// <summary>Returns the share of images with a property, with Wilson's interval (1927).</summary>
    public static Estimate OfShare(long count, long images)
    {
        var (share, weight) = ((double)count / images, Quantile * Quantile / images);
        var centre = (share + (weight / 2)) / (1 + weight);
        var half = Quantile / (1 + weight) * Math.Sqrt((share * (1 - share) / images) + (weight / (4 * images)));
        // Rounding must not exclude the share itself.
        return new Estimate(images, share, Math.Clamp(centre - half, 0, share), Math.Clamp(centre + half, share, 1));
    }

    /// <summary>Returns the mean of values in [0, 1], with the normal interval.</summary>
    /// <param name="sum">Sum of the values.</param>
    /// <param name="squares">Sum of their squares.</param>
    public static Estimate OfMean(double sum, double squares, long images)
    {
        var mean = sum / images;
        var variance = images < 2 ? 0.25 : Math.Max(0, squares - (images * mean * mean)) / (images - 1);
        var half = Quantile * Math.Sqrt(variance / images);
        return new Estimate(images, mean, Math.Max(0, mean - half), Math.Min(1, mean + half));
    }
}
