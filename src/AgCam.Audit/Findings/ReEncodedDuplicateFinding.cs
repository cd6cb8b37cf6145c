using System.Numerics;
using AgCam.Pipeline.Records;

namespace AgCam.Audit.Findings;

/// <summary>
/// Groups images that show the same picture in different files: their difference hashes (8 rows of 9 cells of the luma thumbnail, a bit per
/// pair of neighbours in a row) differ in at most 5 of 64 bits, and their shape, brightness and entropy are nearly equal. The hash of a
/// picture with few edges is that of many others. So its Laplacian and the ends of its luma must agree too.
/// </summary>
public sealed class ReEncodedDuplicateFinding : GroupFinding
{
    private const int Radius = 5;
    private const int MinimumBits = 8; // set and unset, of a hash that tells pictures apart
    private const float MinimumEntropy = 1; // bits of the luma; one colour has 0

    private readonly List<Entry> _images = [];

    private readonly record struct Entry(Digest Sha256, long Number, PictureFacts Picture);

    public override string Name => "re-encoded-duplicate";

    public override string Needs => "pictures";

    public override string Rule =>
        $"different files whose difference hashes differ in at most {Radius} of 64 bits, with nearly the same shape, brightness and "
        + "entropy";

    public override long Compared => _images.Count;

    public override bool IsComparable(AuditRow row) => row is { Sha256: not null, Picture.Entropy: >= MinimumEntropy };

    public override void Fit(AuditRow row)
    {
        if (IsComparable(row))
            _images.Add(new Entry(row.Sha256!.Value, row.Number, row.Picture!));
    }

    public override void Merge(Finding other) => _images.AddRange(((ReEncodedDuplicateFinding)other)._images);

    protected override IReadOnlyList<FoundGroup> Find()
    {
        // One image per file: copies of a file are exact duplicates. The order makes the result independent of the order of arrival.
        Entry[] files =
        [
            .. _images.GroupBy(image => image.Sha256).Select(copies => copies.MinBy(copy => copy.Number)).OrderBy(x => x.Number),
        ];
        return ConnectedPairs.Group(
            "re-encoded",
            [.. files.Select(file => file.Number)],
            Pairs(files),
            members => members.Max(member => Distance(files[members[0]].Picture, files[member].Picture)) / 64.0
        );
    }

    /// <summary>
    /// Returns the pairs that match. Two hashes that differ in at most 5 bits agree in at least one of six segments, so only images that
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
            foreach (var bucket in Enumerable.Range(0, files.Length).GroupBy(i => (Hash(files[i].Picture) >> shift) & mask))
            {
                int[] members = [.. bucket];
                for (var i = 0; i < members.Length; i++)
                for (var j = i + 1; j < members.Length; j++)
                    if (IsSame(files[members[i]].Picture, files[members[j]].Picture))
                        yield return (members[i], members[j]);
            }
        }
    }

    /// <summary>Returns false for a picture of one colour or one slope, which has the hash of many others.</summary>
    internal static bool HasStructure(PictureFacts picture) =>
        BitOperations.PopCount(Hash(picture)) is >= MinimumBits and <= 64 - MinimumBits;

    /// <summary>Returns whether two pictures of different files are nearly equal.</summary>
    internal static bool IsSame(PictureFacts left, PictureFacts right) =>
        Distance(left, right) <= Radius
        && Math.Abs(left.Brightness - right.Brightness) <= 0.002
        && Math.Abs(left.Entropy - right.Entropy) <= 0.25
        && Math.Abs(Aspect(left) - Aspect(right)) <= 0.02 * Aspect(left)
        && ((HasStructure(left) && HasStructure(right)) || HasSameLuma(left, right));

    private static bool HasSameLuma(PictureFacts left, PictureFacts right) =>
        Distance(left, right) <= 1
        && Math.Abs(left.LumaP5 - right.LumaP5) <= 0.01
        && Math.Abs(left.LumaP99 - right.LumaP99) <= 0.01
        && Math.Abs(left.Blur - right.Blur) <= 0.2 * Math.Max(left.Blur, right.Blur);

    /// <summary>Returns the number of bits in which the hashes of two pictures differ.</summary>
    internal static int Distance(PictureFacts left, PictureFacts right) => BitOperations.PopCount(Hash(left) ^ Hash(right));

    private static ulong Hash(PictureFacts picture) => unchecked((ulong)picture.PerceptualHash);

    private static double Aspect(PictureFacts picture) => (double)picture.Width / picture.Height;
}
