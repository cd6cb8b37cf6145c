using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>Similarity of two heatmaps, for sanity checks: another class, randomised weights, or a slightly changed image.</summary>
public static class Similarity
{
    /// <summary>Returns Spearman's rank correlation in [-1, 1]. Equal values share the mean of their ranks.</summary>
    /// <returns>NaN when one side has only one distinct value.</returns>
    public static double RankCorrelation(ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        if (first.Length != second.Length)
            throw new ArgumentException($"Maps of {first.Length} and {second.Length} values cannot be compared.", nameof(second));
        var (a, b) = (Ranks(first), Ranks(second));
        var mean = (first.Length + 1) / 2.0;
        var (covariance, varianceA, varianceB) = (0.0, 0.0, 0.0);
        for (var i = 0; i < a.Length; i++)
        {
            var (x, y) = (a[i] - mean, b[i] - mean);
            covariance += x * y;
            varianceA += x * x;
            varianceB += y * y;
        }
        return varianceA > 0 && varianceB > 0 ? covariance / Math.Sqrt(varianceA * varianceB) : double.NaN;
    }

    /// <summary>
    /// Returns the mean structural similarity (Wang et al. 2004) of two normalised maps of equal size; 1 for equal maps. Gaussian window of
    /// 11 pixels, sigma 1.5, range 1, mirrored edges.
    /// </summary>
    public static double Structural(Heatmap first, Heatmap second)
    {
        if ((first.Rows, first.Columns) != (second.Rows, second.Columns))
            throw new ArgumentException(
                $"Maps of {first.Rows} x {first.Columns} and {second.Rows} x {second.Columns} cannot be compared.",
                nameof(second)
            );
        const double C1 = 0.01 * 0.01;
        const double C2 = 0.03 * 0.03;
        var (meanA, meanB) = (Blur(first.Values), Blur(second.Values));
        var (squareA, squareB, product) = (Products(first, first), Products(second, second), Products(first, second));
        var sum = 0.0;
        for (var i = 0; i < meanA.Length; i++)
        {
            var (a, b) = ((double)meanA[i], (double)meanB[i]);
            var (varianceA, varianceB, covariance) = (squareA[i] - a * a, squareB[i] - b * b, product[i] - a * b);
            sum += (2 * a * b + C1) * (2 * covariance + C2) / ((a * a + b * b + C1) * (varianceA + varianceB + C2));
        }
        return sum / meanA.Length;

        float[] Products(Heatmap a, Heatmap b) => Blur([.. a.Values.Zip(b.Values, (x, y) => x * y)]);
        float[] Blur(float[] values) => GaussianBlur.Apply(values, 1, first.Rows, first.Columns, size: 11, sigma: 1.5);
    }

    /// <summary>
    /// Max-sensitivity (Yeh et al. 2019): returns the largest change of the map under small changes of the image, relative to the map's
    /// norm.
    /// </summary>
    public static double MaxSensitivity(Heatmap map, IEnumerable<Heatmap> ofChangedPictures)
    {
        var norm = Math.Sqrt(map.Values.Sum(v => (double)v * v));
        return ofChangedPictures
                .Select(other => Math.Sqrt(map.Values.Zip(other.Values, (a, b) => ((double)a - b) * ((double)a - b)).Sum()))
                .Max() / norm;
    }

    private static double[] Ranks(ReadOnlySpan<float> values)
    {
        var (sorted, order) = (values.ToArray(), Enumerable.Range(0, values.Length).ToArray());
        Array.Sort(sorted, order);
        var ranks = new double[sorted.Length];
        for (int start = 0, end; start < sorted.Length; start = end)
        {
            for (end = start + 1; end < sorted.Length && sorted[end] == sorted[start]; )
                end++;
            for (var i = start; i < end; i++)
                ranks[order[i]] = (start + 1 + end) / 2.0;
        }
        return ranks;
    }
}
