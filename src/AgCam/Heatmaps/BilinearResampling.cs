using System.Numerics;

namespace AgCam.Heatmaps;

/// <summary>
/// Bilinear interpolation with half-pixel centres and no antialiasing, in float32 and in torch's order of operations: along the row first,
/// then between two rows. The same numbers matter because a threshold decides on them.
/// </summary>
internal static class BilinearResampling
{
    /// <returns>[rows, columns], row-major.</returns>
    public static float[] Resample(Heatmap map, int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        var resampled = new float[checked(rows * columns)];
        if (map.Max == map.Min)
        {
            // rounding of the weights must not turn a flat map into a textured one
            Array.Fill(resampled, map.Max);
            return resampled;
        }
        var stretched = Stretch(map, columns); // [map.Rows, columns]
        var vertical = Taps(map.Rows, rows);
        for (var row = 0; row < rows; row++)
        {
            var tap = vertical[row];
            Blend(
                stretched.AsSpan(tap.First * columns, columns), tap.FirstWeight,
                stretched.AsSpan(tap.Second * columns, columns), tap.SecondWeight,
                resampled.AsSpan(row * columns, columns));
        }
        return resampled;
    }

    /// <summary>The two source samples of every destination sample, and their weights.</summary>
    public static Tap[] Taps(int source, int destination)
    {
        var scale = (float)source / destination;
        var taps = new Tap[destination];
        for (var i = 0; i < destination; i++)
            taps[i] = Tap.At(Math.Max(scale * (i + 0.5f) - 0.5f, 0f), source);
        return taps;
    }

    private static float[] Stretch(Heatmap map, int columns)
    {
        var taps = Taps(map.Columns, columns);
        var stretched = new float[checked(map.Rows * columns)];
        for (var row = 0; row < map.Rows; row++)
        {
            var source = map.Values.AsSpan(row * map.Columns, map.Columns);
            var target = stretched.AsSpan(row * columns, columns);
            for (var x = 0; x < target.Length; x++)
            {
                ref readonly var tap = ref taps[x];
                target[x] = source[tap.First] * tap.FirstWeight + source[tap.Second] * tap.SecondWeight;
            }
        }
        return stretched;
    }

    private static void Blend(ReadOnlySpan<float> upper, float upperWeight, ReadOnlySpan<float> lower, float lowerWeight, Span<float> target)
    {
        var i = 0;
        for (; i <= target.Length - Vector<float>.Count; i += Vector<float>.Count)
            (new Vector<float>(upper[i..]) * upperWeight + new Vector<float>(lower[i..]) * lowerWeight).CopyTo(target[i..]);
        for (; i < target.Length; i++)
            target[i] = upper[i] * upperWeight + lower[i] * lowerWeight;
    }

    internal readonly record struct Tap(int First, int Second, float FirstWeight, float SecondWeight)
    {
        /// <param name="position">Where to sample, in [0, count - 1] of the source's sample centres.</param>
        public static Tap At(float position, int count)
        {
            var first = Math.Min((int)position, count - 1);
            var weight = Math.Clamp(position - first, 0f, 1f);
            return new Tap(first, Math.Min(first + 1, count - 1), 1f - weight, weight);
        }
    }
}
