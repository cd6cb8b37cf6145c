using System.Buffers.Binary;

namespace AgCam.Audit.Interventions;

/// <summary>
/// Chooses the images of an intervention during a pass over all rows: images of the class that the model predicts as the class, and images
/// of other classes that it does not. They are those with the lowest hashes of SHA-256 and seed, so the choice depends on neither order nor
/// shards. Of equal files one is chosen.
/// </summary>
/// <param name="count">Maximum number of each kind, at least 1.</param>
public sealed class InterventionImages(Candidate candidate, int count, long seed)
{
    private readonly SortedList<(ulong Hash, Digest Image), AuditRow> _ofClass = [];
    private readonly SortedList<(ulong Hash, Digest Image), AuditRow> _others = [];

    public Candidate Candidate => candidate;

    /// <summary>Rows of the class, in the order of their hashes.</summary>
    public IReadOnlyList<AuditRow> OfClass => [.. _ofClass.Values];

    /// <summary>Rows of other classes, in the order of their hashes.</summary>
    public IReadOnlyList<AuditRow> Others => [.. _others.Values];

    public void Add(AuditRow row)
    {
        if (row.Sha256 is not { } image || row.Probabilities?.Predicted is not { } predicted)
            return;
        var isOfClass = (row.Label ?? predicted) == candidate.Class;
        if (isOfClass != (predicted == candidate.Class))
            return;
        var chosen = isOfClass ? _ofClass : _others;
        var key = (Hash(image, seed), image);
        if (chosen.Count == count && key.CompareTo(chosen.GetKeyAtIndex(count - 1)) > 0)
            return;
        if (chosen.TryGetValue(key, out var equal) && equal.Number <= row.Number)
            return;
        chosen[key] = row with { Map = null, Embedding = null, Probabilities = null };
        if (chosen.Count > count)
            chosen.RemoveAt(count);
    }

    /// <summary>Returns a hash of an image and a seed, equal on every machine.</summary>
    public static ulong Hash(Digest image, long seed)
    {
        Span<byte> bytes = stackalloc byte[Digest.Size];
        image.CopyTo(bytes);
        return SplitMix64.Mix(BinaryPrimitives.ReadUInt64BigEndian(bytes) ^ SplitMix64.Mix((ulong)seed + SplitMix64.Golden));
    }
}
