using System.Numerics;
using AgCam.Heatmaps;

namespace AgCam.Audit.Findings;

/// <summary>
/// Groups images that show the same picture in different files: their difference hashes (8 rows of 9 cells of the luma thumbnail, a bit per
/// pair of neighbours in a row) differ in at most 4 of 64 bits, and their shape, brightness and entropy are nearly equal.
/// </summary>
public sealed class ReEncodedDuplicateFinding : GroupFinding
{
    private const int Radius = 4;
    private const int MinimumBits = 8; // a hash with fewer set or unset bits comes from a picture without structure

    private readonly List<Entry> _images = [];

    private readonly record struct Entry(Digest Sha256, long Number, ulong Hash, float Brightness, float Entropy, float Aspect);

    public override string Name => "re-encoded-duplicate";

    public override string Needs => "pictures";

    public override string Rule =>
        $"different files whose difference hashes differ in at most {Radius} of 64 bits, with nearly the same shape, brightness and entropy";

    public override long Compared => _images.Count;

    public override void Fit(AuditRow row)
    {
        if (row is not { Sha256: { } sha256, Picture: { } picture })
            return;
        var hash = unchecked((ulong)picture.PerceptualHash);
        if (BitOperations.PopCount(hash) is >= MinimumBits and <= 64 - MinimumBits)
            _images.Add(new Entry(sha256, row.Number, hash, picture.Brightness, picture.Entropy, (float)picture.Width / picture.Height));
    }

    public override void Merge(Finding other) => _images.AddRange(((ReEncodedDuplicateFinding)other)._images);

    public override IReadOnlyList<FoundGroup> Groups()
    {
        // One image per file: copies of a file are exact duplicates. The order makes the result independent of the order of arrival.
        Entry[] files =
        [
            .. _images.GroupBy(image => image.Sha256).Select(copies => copies.MinBy(copy => copy.Number)).OrderBy(x => x.Number),
        ];
        var sets = new DisjointSets(Math.Max(1, files.Length));
        for (var i = 0; i < files.Length; i++)
            sets.Add();
        foreach (var (first, second) in Pairs(files))
            sets.Union(first, second);
        return
        [
            .. Enumerable
                .Range(0, files.Length)
                .GroupBy(sets.Find)
                .Where(members => members.Skip(1).Any())
                .Select(members => new FoundGroup(
                    "re-encoded",
                    members.Max(member => Distance(files[members.Key], files[member])) / 64.0,
                    [.. members.Select(member => files[member].Number)],
                    []
                ))
                .OrderBy(group => group.Score)
                .ThenBy(group => group.Numbers[0]),
        ];
    }

    /// <summary>
    /// Returns the pairs that match. Two hashes that differ in at most 4 bits agree in at least one of five segments, so only images that
    /// share a segment are compared.
    /// </summary>
    private static IEnumerable<(int First, int Second)> Pairs(Entry[] files)
    {
        const int Segments = Radius + 1;
        const int Bits = 64 / Segments;
        for (var segment = 0; segment < Segments; segment++)
        {
            var shift = segment * Bits;
            var mask = segment == Segments - 1 ? ulong.MaxValue >> shift : (1UL << Bits) - 1;
            foreach (var bucket in Enumerable.Range(0, files.Length).GroupBy(i => (files[i].Hash >> shift) & mask))
            {
                int[] members = [.. bucket];
                for (var i = 0; i < members.Length; i++)
                for (var j = i + 1; j < members.Length; j++)
                    if (IsSame(files[members[i]], files[members[j]]))
                        yield return (members[i], members[j]);
            }
        }
    }

    private static int Distance(Entry left, Entry right) => BitOperations.PopCount(left.Hash ^ right.Hash);

    private static bool IsSame(Entry left, Entry right) =>
        Distance(left, right) <= Radius
        && Math.Abs(left.Brightness - right.Brightness) <= 0.02
        && Math.Abs(left.Entropy - right.Entropy) <= 0.5
        && Math.Abs(left.Aspect - right.Aspect) <= 0.02 * left.Aspect;
}
