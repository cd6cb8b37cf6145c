using System.Numerics;

namespace AgCam.Heatmaps;

/// <summary>
/// Bilinear interpolation with half-pixel centres and no antialiasing, in float32. Rounds as torch does on a CPU with fused multiply-add.
/// The last bit matters to thresholds and to the order of nearly equal pixels.
/// </summary>
internal static class BilinearResampling
{
    /// <summary>
    /// Limit of height + width up to which torch sums four products. Above, it interpolates along rows, then between rows.
    /// </summary>
    private const int SmallOutput = 128;

    /// <returns>[rows, columns], row-major.</returns>
    public static float[] Resample(Heatmap map, int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        var resampled = new float[checked(rows * columns)];
        if (map.Max == map.Min)
            Array.Fill(resampled, map.Max); // rounding of the weights must not add texture to a flat map
        else if (rows + columns <= SmallOutput)
            FourProducts(map, Taps(map.Rows, rows), Taps(map.Columns, columns), resampled);
        else
            RowsFirst(map, Taps(map.Rows, rows), Taps(map.Columns, columns), resampled);
        return resampled;
    }

    private static void FourProducts(Heatmap map, Tap[] vertical, Tap[] horizontal, Span<float> target)
    {
        var at = 0;
        foreach (var v in vertical)
        {
            foreach (var h in horizontal)
            {
                var sum = map[v.First, h.Second] * (v.FirstWeight * h.SecondWeight);
                sum = MathF.FusedMultiplyAdd(map[v.First, h.First], v.FirstWeight * h.FirstWeight, sum);
                sum = MathF.FusedMultiplyAdd(map[v.Second, h.First], v.SecondWeight * h.FirstWeight, sum);
                target[at++] = MathF.FusedMultiplyAdd(map[v.Second, h.Second], v.SecondWeight * h.SecondWeight, sum);
            }
        }
    }

    private static void RowsFirst(Heatmap map, Tap[] vertical, Tap[] horizontal, Span<float> target)
    {
        var columns = horizontal.Length;
        var stretched = new float[checked(map.Rows * columns)]; // [map.Rows, columns]
        for (var row = 0; row < map.Rows; row++)
        {
            var source = map.Values.AsSpan(row * map.Columns, map.Columns);
            var wide = stretched.AsSpan(row * columns, columns);
            for (var x = 0; x < wide.Length; x++)
            {
                ref readonly var tap = ref horizontal[x];
                wide[x] = MathF.FusedMultiplyAdd(source[tap.First], tap.FirstWeight, source[tap.Second] * tap.SecondWeight);
            }
        }
        for (var row = 0; row < vertical.Length; row++)
        {
            var tap = vertical[row];
            Blend(
                stretched.AsSpan(tap.First * columns, columns),
                tap.FirstWeight,
                stretched.AsSpan(tap.Second * columns, columns),
                tap.SecondWeight,
                target.Slice(row * columns, columns)
            );
        }
    }

    private static void Blend(
        ReadOnlySpan<float> upper,
        float upperWeight,
        ReadOnlySpan<float> lower,
        float lowerWeight,
        Span<float> target
    )
    {
        var x = 0;
        for (; x <= target.Length - Vector<float>.Count; x += Vector<float>.Count)
            Vector
                .FusedMultiplyAdd(
                    new Vector<float>(upper[x..]),
                    new Vector<float>(upperWeight),
                    new Vector<float>(lower[x..]) * lowerWeight
                )
                .CopyTo(target[x..]);
        for (; x < target.Length; x++)
            target[x] = MathF.FusedMultiplyAdd(upper[x], upperWeight, lower[x] * lowerWeight);
    }

    /// <summary>Computes the two source samples of every destination sample, and their weights.</summary>
    private static Tap[] Taps(int source, int destination)
    {
        var scale = (float)source / destination;
        var taps = new Tap[destination];
        for (var i = 0; i < destination; i++)
            taps[i] = Tap.At(Math.Max(MathF.FusedMultiplyAdd(scale, i + 0.5f, -0.5f), 0f), source);
        return taps;
    }

    internal readonly record struct Tap(int First, int Second, float FirstWeight, float SecondWeight)
    {
        /// <param name="position">Position of the sample, in [0, count - 1] of the source's sample centres.</param>
        public static Tap At(float position, int count)
        {
            var first = Math.Min((int)position, count - 1);
            var weight = Math.Clamp(position - first, 0f, 1f);
            return new Tap(first, Math.Min(first + 1, count - 1), 1f - weight, weight);
        }
    }
}
