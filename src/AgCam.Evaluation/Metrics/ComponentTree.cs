using System.Buffers;
using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>
/// One external component of a heatmap over a range of thresholds, both ends included. Its box and its number of pixels do not change in
/// the range. X, Y, Width and Height are in map pixels.
/// </summary>
/// <param name="Start">First pixel of the component in reading order (row x columns + column), unique among components.</param>
/// <param name="First">Index of the lowest threshold of the range.</param>
/// <param name="Last">Index of the highest threshold of the range.</param>
public readonly record struct ComponentSpan(int X, int Y, int Width, int Height, int Pixels, int Start, int First, int Last)
{
    public BoundingBox Box => new(X, Y, Width, Height);
}

/// <summary>
/// Finds all external 8-connected components of a heatmap at all thresholds in one pass. Pixels enter from hottest to coldest, and
/// union-find joins each with its neighbours. The representative of a component is its first pixel in reading order. A component is
/// external while the pixel to the left of its representative reaches the frame through colder pixels (<see cref="OutsideLevels"/>).
/// </summary>
internal sealed class ComponentTree : IDisposable
{
    private readonly int _rows;
    private readonly int _columns;
    private readonly int _stride; // one inactive border pixel on each side replaces bounds checks
    private readonly int _count; // number of thresholds
    private readonly int[] _levels; // [rows, columns], number of thresholds strictly below the pixel
    private readonly int[] _outside; // [rows, columns]
    private readonly int[] _order; // [rows * columns], pixels by level
    private readonly int[] _parent; // [rows + 2, stride], 0 while inactive (index 0 is in the border)
    private readonly State[] _states; // [rows + 2, stride], of representatives
    private readonly Action<ComponentSpan> _found;

    private ComponentTree(Heatmap map, ReadOnlySpan<float> thresholds, Action<ComponentSpan> found)
    {
        (_rows, _columns, _stride, _count) = (map.Rows, map.Columns, map.Columns + 2, thresholds.Length);
        // rented, so longer than needed: a sweep over many images allocates nothing per image
        _levels = ArrayPool<int>.Shared.Rent(Pixels);
        _outside = ArrayPool<int>.Shared.Rent(Pixels);
        _order = ArrayPool<int>.Shared.Rent(Pixels);
        _parent = ArrayPool<int>.Shared.Rent(Bordered);
        _states = ArrayPool<State>.Shared.Rent(Bordered);
        _found = found;
        _parent.AsSpan(0, Bordered).Clear();
        FindLevels(map.Values, thresholds);
        OutsideLevels.Find(_levels.AsSpan(0, Pixels), _rows, _columns, _count, _outside.AsSpan(0, Pixels), waiting: _order);
    }

    private int Pixels => _rows * _columns;

    private int Bordered => (_rows + 2) * _stride;

    /// <summary>Reports every span, in no particular order.</summary>
    /// <param name="thresholds">Ascending.</param>
    public static void Visit(Heatmap map, ReadOnlySpan<float> thresholds, Action<ComponentSpan> found)
    {
        if (map.IsFlat || thresholds.IsEmpty)
            return;
        using var tree = new ComponentTree(map, thresholds, found);
        tree.Grow();
    }

    public void Dispose()
    {
        foreach (var rented in (int[][])[_levels, _outside, _order, _parent])
            ArrayPool<int>.Shared.Return(rented);
        ArrayPool<State>.Shared.Return(_states);
    }

    private void Grow()
    {
        var starts = SortByLevel();
        for (var threshold = _count - 1; threshold >= 0; threshold--)
        for (var i = starts[threshold + 1]; i < starts[threshold + 2]; i++)
            Enter(_order[i], threshold);
        for (var i = 1; i < Bordered; i++)
            if (_parent[i] == i)
                Close(i, -1);
    }

    /// <summary>Adds a pixel that becomes hot at this threshold.</summary>
    private void Enter(int pixel, int threshold)
    {
        var (y, x) = Math.DivRem(pixel, _columns);
        var at = (y + 1) * _stride + x + 1;
        _parent[at] = at;
        _states[at] = new State(x, x, y, 1, threshold);
        var root = at;
        var corner = at - _stride - 1;
        for (var row = 0; row < 3; row++, corner += _stride)
        {
            root = Join(root, corner, threshold);
            root = Join(root, corner + 1, threshold);
            root = Join(root, corner + 2, threshold);
        }
    }

    /// <returns>The representative of the joined component.</returns>
    private int Join(int root, int neighbour, int threshold)
    {
        if (_parent[neighbour] == 0)
            return root;
        var other = Find(neighbour);
        if (other == root)
            return root;
        var (first, second) = (Math.Min(root, other), Math.Max(root, other));
        Close(first, threshold);
        Close(second, threshold);
        _parent[second] = first;
        ref var kept = ref _states[first];
        ref readonly var lost = ref _states[second];
        kept = new State(
            Math.Min(kept.Left, lost.Left),
            Math.Max(kept.Right, lost.Right),
            Math.Max(kept.Bottom, lost.Bottom),
            kept.Pixels + lost.Pixels,
            threshold
        );
        return first;
    }

    private int Find(int at)
    {
        while (_parent[at] != at)
            at = _parent[at] = _parent[_parent[at]];
        return at;
    }

    /// <summary>Reports the component as it was above the given threshold, if it existed there and was external.</summary>
    private void Close(int root, int threshold)
    {
        ref var state = ref _states[root];
        if (state.Since == threshold)
            return;
        var (y, x) = (root / _stride - 1, root % _stride - 1);
        var external = x == 0 || y == 0 ? 0 : _outside[y * _columns + x - 1];
        var first = Math.Max(threshold + 1, external);
        if (first <= state.Since)
            _found(
                new ComponentSpan(
                    state.Left,
                    y,
                    state.Right - state.Left + 1,
                    state.Bottom - y + 1,
                    state.Pixels,
                    y * _columns + x,
                    first,
                    state.Since
                )
            );
        state = state with { Since = threshold };
    }

    /// <summary>Sorts the pixels by level, in reading order within a level. Level l starts at index l of the result.</summary>
    private int[] SortByLevel()
    {
        var levels = _levels.AsSpan(0, Pixels);
        var starts = new int[_count + 2];
        foreach (var level in levels)
            starts[level + 1]++;
        for (var level = 1; level < starts.Length; level++)
            starts[level] += starts[level - 1];
        var next = starts.AsSpan().ToArray();
        for (var i = 0; i < levels.Length; i++)
            _order[next[levels[i]]++] = i;
        return starts;
    }

    private void FindLevels(ReadOnlySpan<float> values, ReadOnlySpan<float> thresholds)
    {
        var scale = thresholds.Length > 1 ? (thresholds.Length - 1) / (thresholds[^1] - thresholds[0]) : 0f;
        for (var i = 0; i < values.Length; i++)
        {
            // initial guess, exact for even steps; the loops correct it
            var level = (int)Math.Clamp((values[i] - thresholds[0]) * scale, 0, thresholds.Length);
            while (level < thresholds.Length && thresholds[level] < values[i])
                level++;
            while (level > 0 && thresholds[level - 1] >= values[i])
                level--;
            _levels[i] = level;
        }
    }

    /// <param name="Since">Index of the threshold since which the component is unchanged.</param>
    private readonly record struct State(int Left, int Right, int Bottom, int Pixels, int Since);
}
