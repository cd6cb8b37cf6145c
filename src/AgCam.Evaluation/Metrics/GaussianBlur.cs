namespace AgCam.Evaluation.Metrics;

/// <summary>
/// Separable Gaussian blur. The kernel is truncated and normalised to sum 1. Edges are mirrored without repeating the edge pixel.
/// </summary>
public static class GaussianBlur
{
    /// <param name="planes">[channels, rows, columns]</param>
    /// <param name="size">Odd length of the kernel. Insertion starts from 11 with sigma 5.</param>
    /// <returns>[channels, rows, columns]</returns>
    public static float[] Apply(ReadOnlySpan<float> planes, int channels, int rows, int columns, int size = 11, double sigma = 5)
    {
        if (size < 1 || size % 2 == 0)
            throw new ArgumentOutOfRangeException(nameof(size), size, "The kernel of a blur must have an odd length.");
        var kernel = Kernel(size, sigma);
        var (horizontal, vertical) = (Mirror(columns, size / 2), Mirror(rows, size / 2));
        var (across, blurred) = (new float[planes.Length], new float[planes.Length]);
        for (var row = 0; row < channels * rows; row++)
        {
            var source = planes.Slice(row * columns, columns);
            for (var x = 0; x < columns; x++)
            {
                var sum = 0f;
                for (var k = 0; k < size; k++)
                    sum += kernel[k] * source[horizontal[x + k]];
                across[row * columns + x] = sum;
            }
        }
        for (var row = 0; row < channels * rows; row++)
        {
            var (plane, y) = Math.DivRem(row, rows);
            var target = blurred.AsSpan(row * columns, columns);
            for (var k = 0; k < size; k++)
            {
                var source = across.AsSpan((plane * rows + vertical[y + k]) * columns, columns);
                for (var x = 0; x < columns; x++)
                    target[x] += kernel[k] * source[x];
            }
        }
        return blurred;
    }

    private static float[] Kernel(int size, double sigma)
    {
        var weights = Enumerable.Range(0, size).Select(i => Math.Exp(-0.5 * Math.Pow((i - size / 2) / sigma, 2))).ToArray();
        var sum = weights.Sum();
        return Array.ConvertAll(weights, weight => (float)(weight / sum));
    }

    /// <summary>Maps positions -margin .. count - 1 + margin to the sample that they mirror.</summary>
    private static int[] Mirror(int count, int margin)
    {
        var period = Math.Max(2 * (count - 1), 1);
        return [.. Enumerable.Range(-margin, count + 2 * margin).Select(i => Math.Abs(i) % period).Select(i => i < count ? i : period - i)];
    }
}
