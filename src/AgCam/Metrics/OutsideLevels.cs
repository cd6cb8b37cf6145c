namespace AgCam.Metrics;

/// <summary>
/// For every pixel the lowest threshold index at which it is cold and connected to the frame through cold 4-neighbours: the smallest possible
/// maximum over all paths to the frame. A flood from the frame that always proceeds at the lowest level it has reached (priority flood).
/// </summary>
internal static class OutsideLevels
{
    /// <param name="levels">[rows, columns]: in [0, highest].</param>
    public static int[] Find(ReadOnlySpan<int> levels, int rows, int columns, int highest)
    {
        var outside = new int[levels.Length];
        Array.Fill(outside, -1);
        var waiting = new Buckets(levels.Length, highest + 1);
        for (var y = 0; y < rows; y++)
            for (var x = 0; x < columns; x += y == 0 || y == rows - 1 ? 1 : Math.Max(columns - 1, 1))
                waiting.Reach(y * columns + x, 0, levels, outside);
        for (var level = 0; level <= highest; level++)
        {
            while (waiting.TryTake(level, out var pixel))
            {
                var x = pixel % columns;
                if (x > 0)
                    waiting.Reach(pixel - 1, level, levels, outside);
                if (x < columns - 1)
                    waiting.Reach(pixel + 1, level, levels, outside);
                if (pixel >= columns)
                    waiting.Reach(pixel - columns, level, levels, outside);
                if (pixel < levels.Length - columns)
                    waiting.Reach(pixel + columns, level, levels, outside);
            }
        }
        return outside;
    }

    /// <summary>Pixels waiting to be visited, a linked list for each level.</summary>
    private readonly struct Buckets
    {
        private readonly int[] _heads;
        private readonly int[] _next;

        public Buckets(int pixels, int levels)
        {
            _heads = new int[levels];
            _next = new int[pixels];
            Array.Fill(_heads, -1);
        }

        public void Reach(int pixel, int from, ReadOnlySpan<int> levels, int[] outside)
        {
            if (outside[pixel] >= 0)
                return;
            var level = Math.Max(from, levels[pixel]);
            outside[pixel] = level;
            _next[pixel] = _heads[level];
            _heads[level] = pixel;
        }

        public bool TryTake(int level, out int pixel)
        {
            pixel = _heads[level];
            if (pixel < 0)
                return false;
            _heads[level] = _next[pixel];
            return true;
        }
    }
}
