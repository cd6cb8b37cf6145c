using System.Collections.Concurrent;
using System.Numerics;
using AgCam.Pipeline.Records;

namespace AgCam.Audit.Findings;

/// <summary>
/// Groups different files that are alike to the model and to the eye: the cosine of their embeddings is at least 0.95, their difference
/// hashes differ in at most 12 of 64 bits, and brightness and entropy are nearly equal. Embeddings alone do not tell copies from images of
/// one class. Pairs of <see cref="ReEncodedDuplicateFinding"/> are left out.
/// </summary>
/// <remarks>
/// The search is exact. Files in the order of their brightness are compared with those that follow within the allowed difference, by their
/// hashes first: that takes about a nanosecond. Embeddings, in a temporary file, are read only for the few pairs that remain.
/// </remarks>
public sealed class NearDuplicateFinding : GroupFinding
{
    private const double MinimumCosine = 0.95;
    private const int Radius = 12;
    private const double MaximumBrightness = 0.03; // difference of the mean luma
    private const double MaximumEntropy = 0.3; // difference in bits

    private readonly Dictionary<Digest, Entry> _files = []; // one image per file: copies are exact duplicates
    private EmbeddingFile? _embeddings;
    private long _images;

    private readonly record struct Entry(long Number, PictureFacts Picture, StoredEmbedding Embedding);

    public override string Name => "near-duplicate";

    public override string Needs => "embeddings and pictures";

    public override string Rule =>
        $"different files with a cosine of their embeddings of at least {MinimumCosine} and difference hashes that differ in at most "
        + $"{Radius} of 64 bits, with nearly the same brightness and entropy (exact search)";

    public override long Compared => _images;

    public override bool IsComparable(AuditRow row) =>
        row is { Sha256: not null, Picture: { } picture }
        && AtypicalFinding.Unit(row.Embedding) is not null
        && ReEncodedDuplicateFinding.HasStructure(picture);

    public override void Fit(AuditRow row)
    {
        if (!IsComparable(row))
            return;
        _images++;
        var sha256 = row.Sha256!.Value;
        var embedding = _files.TryGetValue(sha256, out var known)
            ? known.Embedding
            : (_embeddings ??= new EmbeddingFile()).Add(row.Embedding!);
        Add(sha256, new Entry(row.Number, row.Picture!, embedding));
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
        Entry[] files = [.. _files.Values.OrderBy(entry => entry.Number)];
        foreach (var file in files.Select(entry => entry.Embedding.File).Distinct())
            file.Flush();
        return ConnectedPairs.Group(
            "near",
            [.. files.Select(file => file.Number)],
            Pairs(files),
            members =>
            {
                var first = files[members[0]].Embedding.Read();
                return Math.Clamp(1 - members.Min(member => Cosine(first, files[member].Embedding.Read())), 0, 1);
            }
        );
    }

    private static ConcurrentBag<(int First, int Second)> Pairs(Entry[] files)
    {
        int[] order = [.. Enumerable.Range(0, files.Length).OrderBy(i => files[i].Picture.Brightness)];
        float[] brightness = [.. order.Select(i => files[i].Picture.Brightness)];
        ulong[] hashes = [.. order.Select(i => unchecked((ulong)files[i].Picture.PerceptualHash))];
        var pairs = new ConcurrentBag<(int First, int Second)>();
        Parallel.For(
            0,
            files.Length,
            i =>
            {
                float[]? embedding = null;
                foreach (var j in Within(hashes, i, End(brightness, i)))
                {
                    var (left, right) = (files[order[i]], files[order[j]]);
                    if (!AreAlike(left.Picture, right.Picture) || left.Embedding.Width != right.Embedding.Width)
                        continue;
                    if (Cosine(embedding ??= left.Embedding.Read(), right.Embedding.Read()) >= MinimumCosine)
                        pairs.Add((order[i], order[j]));
                }
            }
        );
        return pairs;
    }

    /// <summary>Returns the index after the last file whose brightness is near that of a file before it.</summary>
    /// <param name="brightness">Ascending.</param>
    private static int End(float[] brightness, int index)
    {
        var (low, high) = (index + 1, brightness.Length);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (brightness[middle] - (double)brightness[index] <= MaximumBrightness)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    /// <summary>Returns the files after one, up to an end, whose hashes differ from its hash in few bits.</summary>
    private static List<int> Within(ulong[] hashes, int index, int end)
    {
        List<int> found = [];
        var own = hashes[index];
        var others = hashes.AsSpan(index + 1, end - index - 1);
        for (var i = 0; i < others.Length; i++)
            if (BitOperations.PopCount(own ^ others[i]) <= Radius)
                found.Add(index + 1 + i);
        return found;
    }

    private void Add(Digest sha256, Entry entry)
    {
        if (!_files.TryGetValue(sha256, out var known) || entry.Number < known.Number)
            _files[sha256] = entry;
    }

    private static bool AreAlike(PictureFacts left, PictureFacts right) =>
        Math.Abs(left.Entropy - right.Entropy) <= MaximumEntropy && !ReEncodedDuplicateFinding.IsSame(left, right);

    private static double Cosine(float[] left, float[] right)
    {
        var (product, ofLeft, ofRight) = (0.0, 0.0, 0.0);
        for (var i = 0; i < left.Length; i++)
        {
            product += (double)left[i] * right[i];
            ofLeft += (double)left[i] * left[i];
            ofRight += (double)right[i] * right[i];
        }
        return product / Math.Sqrt(ofLeft * ofRight);
    }
}
