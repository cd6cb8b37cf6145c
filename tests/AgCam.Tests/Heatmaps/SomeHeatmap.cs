using AgCam.Heatmaps;

namespace AgCam.Tests.Heatmaps;

/// <summary>Heatmaps to test with.</summary>
internal static class SomeHeatmap
{
    /// <summary>Rows of digits: '7' is 0.7, '.' is 0.</summary>
    public static Heatmap Drawn(params string[] rows) =>
        new(rows.Length, rows[0].Length, [.. string.Concat(rows).Select(c => c == '.' ? 0f : (c - '0') / 10f)]);

    /// <summary>Independent values in [0, 1), only so many different ones: many ties, holes and single pixels.</summary>
    public static Heatmap Noise(int seed, int rows, int columns, int different = 1000)
    {
        var random = new Random(seed);
        return new(rows, columns, [.. Enumerable.Range(0, rows * columns).Select(_ => (float)random.Next(different) / different)]);
    }

    /// <summary>A coarse noisy grid, upsampled: what a model gives.</summary>
    public static Heatmap Smooth(int seed, int size = 224, int grid = 14) => Noise(seed, grid, grid).Upsample(size, size).Normalize();
}
