using AgCam.Heatmaps;

namespace AgCam.Audit.Interventions;

/// <summary>Chooses the patches of one image that an intervention changes.</summary>
public static class Place
{
    /// <summary>A region of suspected patches is one place when it has at most this fraction of the grid.</summary>
    private const int SmallRegion = 8;

    /// <summary>
    /// Returns where this image's own mark lies: around the hottest of the suspected patches. Suspected patches may be the union of several
    /// places, such as the four corners. Where the hottest one belongs to a small region of them, the whole region is included.
    /// </summary>
    /// <param name="map">Raw map of the class.</param>
    public static IReadOnlyList<Patch> OfPeak(Heatmap map, IReadOnlyList<Patch> suspected)
    {
        if (suspected.Any(patch => patch.Row >= map.Rows || patch.Column >= map.Columns))
            throw new ArgumentException($"A suspected patch is outside the grid of {map.Rows} x {map.Columns}.", nameof(suspected));
        var peak = suspected.MaxBy(patch => map[patch.Row, patch.Column]);
        var reach = Math.Max(1, Math.Min(map.Rows, map.Columns) / 12);
        var around = Around(peak, reach, map.Rows, map.Columns);
        var region = Region(peak, suspected, map.Rows, map.Columns);
        return [.. (region.Count <= map.Values.Length / SmallRegion ? around.Union(region) : around).Order(ReadingOrder)];
    }

    /// <summary>
    /// Returns a place of the same shape at random. It overlaps the given one as little as the grid allows.
    /// </summary>
    /// <param name="seed">Equal seeds give equal places.</param>
    public static IReadOnlyList<Patch> Elsewhere(IReadOnlyList<Patch> place, int rows, int columns, ulong seed)
    {
        var own = place.ToHashSet();
        var (top, bottom) = (place.Min(patch => patch.Row), place.Max(patch => patch.Row));
        var (left, right) = (place.Min(patch => patch.Column), place.Max(patch => patch.Column));
        var shifts = (
            from down in Enumerable.Range(-top, rows - bottom + top)
            from across in Enumerable.Range(-left, columns - right + left)
            select (Down: down, Across: across)
        ).ToList();
        var overlaps = shifts.ConvertAll(shift => place.Count(patch => own.Contains(Shifted(patch, shift))));
        var least = overlaps.Min();
        var best = shifts.Where((_, i) => overlaps[i] == least).ToList();
        var chosen = best[(int)Math.BigMul(SplitMix64.Next(ref seed), (ulong)best.Count, out _)];
        return [.. place.Select(patch => Shifted(patch, chosen))];

        static Patch Shifted(Patch patch, (int Down, int Across) by) => new(patch.Row + by.Down, patch.Column + by.Across);
    }

    /// <summary>Returns the 8-connected region of the patches that holds one of them.</summary>
    private static HashSet<Patch> Region(Patch from, IReadOnlyList<Patch> patches, int rows, int columns)
    {
        var (left, region, next) = (patches.ToHashSet(), new HashSet<Patch>(), new Queue<Patch>([from]));
        while (next.TryDequeue(out var patch))
            if (left.Remove(patch))
            {
                region.Add(patch);
                foreach (var neighbour in Around(patch, 1, rows, columns))
                    next.Enqueue(neighbour);
            }
        return region;
    }

    private static readonly Comparer<Patch> ReadingOrder = Comparer<Patch>.Create(
        (one, other) => (one.Row, one.Column).CompareTo((other.Row, other.Column))
    );

    private static IEnumerable<Patch> Around(Patch patch, int reach, int rows, int columns)
    {
        for (var row = Math.Max(0, patch.Row - reach); row <= Math.Min(rows - 1, patch.Row + reach); row++)
        for (var column = Math.Max(0, patch.Column - reach); column <= Math.Min(columns - 1, patch.Column + reach); column++)
            yield return new Patch(row, column);
    }
}
