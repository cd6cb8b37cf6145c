using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>Explanations by content. They are inserted by <see cref="IChunks.SaveAsync"/> only.</summary>
public interface IExplanations
{
    /// <returns>Null when there is none.</returns>
    Task<StoredExplanation?> FindAsync(Digest id, CancellationToken cancellationToken = default);

    /// <returns>Those that are there, in no particular order.</returns>
    Task<IReadOnlyList<StoredExplanation>> FindAsync(IReadOnlyCollection<Digest> ids, CancellationToken cancellationToken = default);

    /// <summary>
    /// Which of these are stored, for a worker that is about to use them instead of computing: those found are kept from
    /// <see cref="PruneAsync"/> for the grace time that it is called with, counted from now.
    /// </summary>
    Task<IReadOnlySet<Digest>> PinAsync(IReadOnlyCollection<Digest> ids, CancellationToken cancellationToken = default);

    /// <summary>
    /// Retention, one step: looks at up to <paramref name="limit"/> explanations after <paramref name="after"/> in id order. One that
    /// was inserted
    /// before now - <paramref name="olderThan"/> and that no item refers to is condemned; one that was condemned before now -
    /// <paramref name="grace"/> and
    /// that still nothing refers to is deleted. A worker that finds it in between saves it. Nothing is lost as long as
    /// <paramref name="grace"/> is
    /// longer than a worker holds a chunk.
    /// </summary>
    /// <returns>Where to go on, and null as the next id when the walk is at its end.</returns>
    Task<PruneStep> PruneAsync(
        TimeSpan olderThan,
        TimeSpan grace,
        Digest? after = null,
        int limit = 1000,
        CancellationToken cancellationToken = default
    );
}

public sealed record PruneStep(Digest? Next, int Condemned, int Deleted);
