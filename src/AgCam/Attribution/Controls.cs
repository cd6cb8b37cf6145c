using AgCam.Heatmaps;

namespace AgCam.Attribution;

/// <summary>Heatmaps that do not depend on the image. A useful method beats them.</summary>
internal static class Controls
{
    public static AttributionMethod RandomMap { get; } =
        new("random", "Control: random values on the grid.", (key, config) => Random(config.GridRows, config.GridColumns, key))
        {
            IsControl = true,
        };

    public static AttributionMethod Centre { get; } =
        new(
            "centre-box",
            "Control: a centred box; at threshold 0.5 it covers the middle half of each side.",
            (_, config) => CentreBox(config.ImageHeight, config.ImageWidth)
        )
        {
            IsControl = true,
        };

    /// <summary>
    /// Returns a pyramid around the centre. Above threshold t lies the centred box with sides of 1 - t of the image's; at 0.5 the middle
    /// half of each side.
    /// </summary>
    public static Heatmap CentreBox(int rows, int columns)
    {
        var values = new float[rows * columns];
        for (var y = 0; y < rows; y++)
        for (var x = 0; x < columns; x++)
        {
            var distance = Math.Max(Math.Abs((2 * y) + 1 - rows) / (double)rows, Math.Abs((2 * x) + 1 - columns) / (double)columns);
            values[(y * columns) + x] = (float)(1 - distance);
        }

        return new Heatmap(rows, columns, values);
    }

    /// <summary>
    /// Returns independent uniform values in [0, 1). The same key gives the same map on every machine and in every shard.
    /// </summary>
    public static Heatmap Random(int rows, int columns, string key)
    {
        var state = Seed(key);
        return new Heatmap(
            rows,
            columns,
            [.. Enumerable.Range(0, rows * columns).Select(_ => (float)(SplitMix64.Next(ref state) >> 40) / (1 << 24))]
        );
    }

    /// <summary>Returns the FNV-1a hash of a key, mixed. string.GetHashCode differs between processes.</summary>
    public static ulong Seed(string key)
    {
        var state = 14695981039346656037UL;
        foreach (var c in key)
            state = (state ^ c) * 1099511628211UL;
        return SplitMix64.Next(ref state);
    }
}
