using System.Collections.Concurrent;
using System.Numerics.Tensors;
using AgCam.Pipeline.Records;

namespace AgCam.Audit.Findings;

/// <summary>
/// Groups different files that are alike to the model and to the eye: the cosine of their embeddings is at least 0.95, their difference
/// hashes differ in at most 12 of 64 bits, and brightness and entropy are nearly equal. Embeddings alone do not tell copies from images of
/// one class. Pairs of <see cref="ReEncodedDuplicateFinding"/> are left out. All pairs are compared, so the number of files is limited.
/// </summary>
public sealed class NearDuplicateFinding : GroupFinding
{
    /// <summary>Maximum number of different files that are compared.</summary>
    public const int MaximumFiles = 20_000;

    private const double MinimumCosine = 0.95;
    private const int Radius = 12;
    private const double MaximumBrightness = 0.03; // difference of the mean luma
    private const double MaximumEntropy = 0.3; // difference in bits

    private readonly Dictionary<Digest, Entry> _files = []; // one image per file: copies are exact duplicates
    private long _images;

    private sealed record Entry(long Number, PictureFacts Picture, float[] Unit);

    public override string Name => "near-duplicate";

    public override string Needs => $"embeddings and pictures of at most {MaximumFiles:N0} files";

    public override string Rule =>
        $"different files with a cosine of their embeddings of at least {MinimumCosine} and difference hashes that differ in at most "
        + $"{Radius} of 64 bits, with nearly the same brightness and entropy";

    public override long Compared => _files.Count > MaximumFiles ? 0 : _images;

    public override void Fit(AuditRow row)
    {
        if (row is not { Sha256: { } sha256, Picture: { } picture } || AtypicalFinding.Unit(row.Embedding) is not { } unit)
            return;
        if (!ReEncodedDuplicateFinding.HasStructure(picture))
            return;
        _images++;
        if (_files.Count <= MaximumFiles)
            Add(sha256, new Entry(row.Number, picture, Array.ConvertAll(unit, value => (float)value)));
    }

    public override void Merge(Finding other)
    {
        var shard = (NearDuplicateFinding)other;
        _images += shard._images;
        foreach (var (sha256, entry) in shard._files)
            Add(sha256, entry);
    }

    protected override IReadOnlyList<FoundGroup> Find()
    {
        if (_files.Count > MaximumFiles)
            return [];
        Entry[] files = [.. _files.Values.OrderBy(entry => entry.Number)];
        var pairs = new ConcurrentBag<(int First, int Second)>();
        Parallel.For(
            0,
            files.Length,
            first =>
            {
                for (var second = first + 1; second < files.Length; second++)
                    if (IsNear(files[first], files[second]))
                        pairs.Add((first, second));
            }
        );
        return ConnectedPairs.Group(
            "near",
            [.. files.Select(file => file.Number)],
            pairs,
            members => Math.Clamp(1 - members.Min(member => Cosine(files[members[0]], files[member])), 0, 1)
        );
    }

    private void Add(Digest sha256, Entry entry)
    {
        if (!_files.TryGetValue(sha256, out var known) || entry.Number < known.Number)
            _files[sha256] = entry;
    }

    private static bool IsNear(Entry left, Entry right) =>
        ReEncodedDuplicateFinding.Distance(left.Picture, right.Picture) <= Radius
        && !ReEncodedDuplicateFinding.IsSame(left.Picture, right.Picture)
        && Math.Abs(left.Picture.Brightness - right.Picture.Brightness) <= MaximumBrightness
        && Math.Abs(left.Picture.Entropy - right.Picture.Entropy) <= MaximumEntropy
        && left.Unit.Length == right.Unit.Length
        && TensorPrimitives.Dot(left.Unit, right.Unit) >= MinimumCosine - 0.001 // the sum's order depends on the CPU
        && Cosine(left, right) >= MinimumCosine;

    private static double Cosine(Entry left, Entry right)
    {
        var product = 0.0;
        for (var i = 0; i < left.Unit.Length; i++)
            product += (double)left.Unit[i] * right.Unit[i];
        return product;
    }
}
