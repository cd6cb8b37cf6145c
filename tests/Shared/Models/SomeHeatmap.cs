using AgCam.Heatmaps;

namespace AgCam.Testing;

/// <summary>Makes heatmaps for tests.</summary>
internal static class SomeHeatmap
{
    /// <summary>Parses rows of digits: '7' is 0.7, '.' is 0.</summary>
    public static Heatmap Drawn(params string[] rows) =>
        new(rows.Length, rows[0].Length, [.. string.Concat(rows).Select(c => c == '.' ? 0f : (c - '0') / 10f)]);

    /// <summary>Returns independent values in [0, 1) with few distinct values: many ties, holes and single pixels.</summary>
    public static Heatmap Noise(int seed, int rows, int columns, int different = 1000)
    {
        var random = new Random(seed);
        return new(rows, columns, [.. Enumerable.Range(0, rows * columns).Select(_ => (float)random.Next(different) / different)]);
    }

    /// <summary>Returns an upsampled coarse noisy grid, like a model's map.</summary>
    public static Heatmap Smooth(int seed, int size = 224, int grid = 14) => Noise(seed, grid, grid).Upsample(size, size).Normalize();
}
