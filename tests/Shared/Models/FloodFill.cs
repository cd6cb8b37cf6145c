using AgCam.Heatmaps;

namespace AgCam.Testing;

/// <summary>Finds external components slowly, as a reference: floods the outside, then each component that touches it.</summary>
internal static class FloodFill
{
    private static readonly (int Y, int X)[] Four = [(-1, 0), (1, 0), (0, -1), (0, 1)];
    private static readonly (int Y, int X)[] Eight = [.. Four, (-1, -1), (-1, 1), (1, -1), (1, 1)];

    /// <summary>Returns components in reading order of their first pixel.</summary>
    public static List<(BoundingBox Box, int Pixels)> ExternalComponents(Heatmap map, float threshold)
    {
        // a frame of cold pixels represents the outside
        var hot = new bool[map.Rows + 2, map.Columns + 2];
        for (var y = 0; y < map.Rows; y++)
        for (var x = 0; x < map.Columns; x++)
            hot[y + 1, x + 1] = map[y, x] > threshold;
        var seen = new bool[map.Rows + 2, map.Columns + 2];
        Flood(hot, seen, (0, 0), Four);
        var outside = (bool[,])seen.Clone();
        var components = new List<(BoundingBox, int)>();
        for (var y = 1; y <= map.Rows; y++)
        {
            for (var x = 1; x <= map.Columns; x++)
            {
                if (!hot[y, x] || seen[y, x])
                    continue;
                var pixels = Flood(hot, seen, (y, x), Eight);
                if (!pixels.Any(p => Four.Any(d => outside[p.Y + d.Y, p.X + d.X])))
                    continue;
                var (left, top) = (pixels.Min(p => p.X) - 1, pixels.Min(p => p.Y) - 1);
                var box = new BoundingBox(left, top, pixels.Max(p => p.X) - left, pixels.Max(p => p.Y) - top);
                components.Add((box, pixels.Count));
            }
        }
        return components;
    }

    private static List<(int Y, int X)> Flood(bool[,] hot, bool[,] seen, (int Y, int X) start, (int Y, int X)[] neighbours)
    {
        var pixels = new List<(int Y, int X)> { start };
        seen[start.Y, start.X] = true;
        for (var i = 0; i < pixels.Count; i++)
        {
            foreach (var (dy, dx) in neighbours)
            {
                var (y, x) = (pixels[i].Y + dy, pixels[i].X + dx);
                if (y < 0 || x < 0 || y >= hot.GetLength(0) || x >= hot.GetLength(1) || seen[y, x] || hot[y, x] != hot[start.Y, start.X])
                    continue;
                seen[y, x] = true;
                pixels.Add((y, x));
            }
        }
        return pixels;
    }
}
