using AgCam.Heatmaps;

namespace AgCam.Audit.Findings;

/// <summary>Makes groups of matching pairs: images that are connected by pairs belong together.</summary>
internal static class ConnectedPairs
{
    /// <param name="numbers">Rows of the images, ascending.</param>
    /// <param name="pairs">Pairs of indices into <paramref name="numbers"/>.</param>
    /// <param name="score">Score of a group from the indices of its members, of which the first is the lowest.</param>
    /// <returns>The groups of two or more images, lowest score first.</returns>
    public static IReadOnlyList<FoundGroup> Group(
        string kind,
        IReadOnlyList<long> numbers,
        IEnumerable<(int First, int Second)> pairs,
        Func<int[], double> score
    )
    {
        var sets = new DisjointSets(Math.Max(1, numbers.Count));
        for (var i = 0; i < numbers.Count; i++)
            sets.Add();
        foreach (var (first, second) in pairs)
            sets.Union(first, second);
        return
        [
            .. Enumerable
                .Range(0, numbers.Count)
                .GroupBy(sets.Find, (_, members) => members.ToArray())
                .Where(members => members.Length > 1)
                .Select(members => new FoundGroup(kind, score(members), [.. members.Select(member => numbers[member])], []))
                .OrderBy(group => group.Score)
                .ThenBy(group => group.Numbers[0]),
        ];
    }
}
