using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>Stores explanations by the hash of their content. Only <see cref="IChunks.SaveAsync"/> inserts them.</summary>
public interface IExplanations
{
    /// <returns>Null when there is none.</returns>
    Task<StoredExplanation?> FindAsync(Digest id, CancellationToken cancellationToken = default);

    /// <returns>The stored ones among <paramref name="ids"/>, in no particular order.</returns>
    Task<IReadOnlyList<StoredExplanation>> FindAsync(IReadOnlyCollection<Digest> ids, CancellationToken cancellationToken = default);

    /// <summary>
    /// Returns which ids are stored, for a worker that uses these explanations instead of computing them. <see
    /// cref="PruneAsync"/> keeps each one for its grace period, counted from now.
    /// </summary>
    Task<IReadOnlySet<Digest>> PinAsync(IReadOnlyCollection<Digest> ids, CancellationToken cancellationToken = default);

    /// <summary>
    /// Runs one step of retention over the next <paramref name="limit"/> explanations in id order. An explanation without an
    /// item is condemned once it is older than <paramref name="olderThan"/>. It is deleted if it still has no item when it was
    /// condemned more than <paramref name="grace"/> ago. A worker that pins it in between keeps it. <paramref name="grace"/>
    /// must be longer than a worker holds a chunk.
    /// </summary>
    /// <param name="after">Id to start after; null to start at the beginning.</param>
    /// <returns>The counts of this step, and the id to start the next step after; null at the end.</returns>
    Task<PruneStep> PruneAsync(
        TimeSpan olderThan,
        TimeSpan grace,
        Digest? after = null,
        int limit = 1000,
        CancellationToken cancellationToken = default
    );
}

public sealed record PruneStep(Digest? Next, int Condemned, int Deleted);
