namespace AgCam.Evaluation.Metrics;

/// <summary>
/// Finds for every pixel the lowest threshold index at which it reaches the frame through cold 4-neighbours. That is the smallest possible
/// maximum over all paths to the frame. The algorithm is a priority flood from the frame: it always continues at the lowest level reached.
/// </summary>
internal static class OutsideLevels
{
    /// <param name="levels">[rows, columns], values in [0, highest].</param>
    /// <param name="outside">[rows, columns], receives the result.</param>
    /// <param name="waiting">Scratch buffer of the same length, overwritten.</param>
    public static void Find(ReadOnlySpan<int> levels, int rows, int columns, int highest, Span<int> outside, Span<int> waiting)
    {
        outside.Fill(-1);
        var buckets = new Buckets(waiting, highest + 1);
        for (var y = 0; y < rows; y++)
        for (var x = 0; x < columns; x += y == 0 || y == rows - 1 ? 1 : Math.Max(columns - 1, 1))
            buckets.Reach(y * columns + x, 0, levels, outside);
        for (var level = 0; level <= highest; level++)
        {
            while (buckets.TryTake(level, out var pixel))
            {
                var x = pixel % columns;
                if (x > 0)
                    buckets.Reach(pixel - 1, level, levels, outside);
                if (x < columns - 1)
                    buckets.Reach(pixel + 1, level, levels, outside);
                if (pixel >= columns)
                    buckets.Reach(pixel - columns, level, levels, outside);
                if (pixel < levels.Length - columns)
                    buckets.Reach(pixel + columns, level, levels, outside);
            }
        }
    }

    /// <summary>Queues of pixels to visit: one linked list per level.</summary>
    private readonly ref struct Buckets
    {
        private readonly Span<int> _heads;
        private readonly Span<int> _next;

        public Buckets(Span<int> next, int levels)
        {
            _heads = new int[levels];
            _next = next;
            _heads.Fill(-1);
        }

        public void Reach(int pixel, int from, ReadOnlySpan<int> levels, Span<int> outside)
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
