using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// Moves chunks through Planned, Published, Leased and Done. Every step is a compare-and-set, so any number of publishers,
/// workers and sweepers may try it.
/// </summary>
public interface IChunks
{
    /// <returns>The chunk; null when there is none.</returns>
    Task<Chunk?> FindAsync(Guid owner, int number, CancellationToken cancellationToken = default);

    /// <summary>
    /// Claims planned chunks of a running job for publishing, lowest numbers first. Each claim increments the chunk's publish
    /// count and starts its visibility timeout. Two callers never claim the same chunk. Together they may exceed the window by
    /// what one of them claims.
    /// </summary>
    /// <param name="window">Number of the job's chunks that should be published or leased.</param>
    /// <param name="visibilityTimeout">
    /// Time after which <see cref="RequeueExpiredAsync"/> publishes a chunk again that no worker has leased.
    /// </param>
    /// <returns>The claimed chunks. The caller publishes them.</returns>
    Task<IReadOnlyList<Chunk>> ClaimPlannedAsync(
        Guid job,
        int window,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken = default
    );

    /// <summary>
    /// Requeues published and leased chunks whose time has expired, of running jobs and of requests. Each one's publish count
    /// and visibility timeout change as in <see cref="ClaimPlannedAsync"/>. An expired lease counts as a crash. Chunks of
    /// paused and cancelled jobs become Planned.
    /// </summary>
    /// <param name="limit">Maximum number of chunks.</param>
    /// <param name="all">
    /// When true, time and limit are ignored. Used at the start of a process whose in-memory bus was lost with the process
    /// before it.
    /// </param>
    /// <returns>The requeued chunks. The caller publishes them.</returns>
    Task<IReadOnlyList<Chunk>> RequeueExpiredAsync(
        TimeSpan visibilityTimeout,
        int limit = 100,
        bool all = false,
        CancellationToken cancellationToken = default
    );

    /// <summary>
    /// Stores a request without a job as a published chunk. From then on it ends in one stored record, even if the bus loses
    /// its message. The same request under the same key returns the stored chunk.
    /// </summary>
    /// <param name="visibilityTimeout">See <see cref="ClaimPlannedAsync"/>.</param>
    /// <param name="owner">See <see cref="Claim.Owner"/>.</param>
    /// <returns>The chunk. The caller publishes its <see cref="Chunk.Request"/> unless the chunk is done.</returns>
    /// <exception cref="ArgumentException">The request belongs to a job.</exception>
    /// <exception cref="KeyUsedException">A job or another request has the key. Nothing has changed.</exception>
    Task<Chunk> AcceptAsync(
        ExplainImages request,
        TimeSpan visibilityTimeout,
        string? owner = null,
        CancellationToken cancellationToken = default
    );

    /// <returns>The claim of a job's or request's id; null when the id was never used or its job or request was deleted.</returns>
    Task<Claim?> FindClaimAsync(Guid owner, CancellationToken cancellationToken = default);

    /// <summary>
    /// Deletes the chunks of requests that were done more than <paramref name="age"/> ago. Their items and claims stay. A
    /// forgotten request that is sent again under its key is computed again.
    /// </summary>
    /// <returns>The number of deleted chunks, at most <paramref name="limit"/>.</returns>
    Task<int> ForgetRequestsAsync(TimeSpan age, int limit = 1000, CancellationToken cancellationToken = default);

    /// <summary>
    /// Leases the chunk of a message to a worker. The first lease of a request without a job stores its chunk, unless its key
    /// is in use.
    /// </summary>
    /// <param name="redelivered">
    /// Whether the broker delivers the message again. The worker that had it is gone, so its lease is taken over and counts as
    /// a crash.
    /// </param>
    Task<LeaseAnswer> LeaseAsync(
        ExplainImages message,
        string worker,
        TimeSpan lease,
        bool redelivered = false,
        CancellationToken cancellationToken = default
    );

    /// <summary>Extends the lease until <paramref name="lease"/> from now.</summary>
    /// <returns>False when the lease is lost. The worker then stops and acknowledges the message.</returns>
    Task<bool> HeartbeatAsync(ChunkLease held, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>
    /// Releases the lease of a worker that stops: the chunk is Published again. No crash is counted, and the images that this
    /// attempt began in isolation count as not begun.
    /// </summary>
    /// <param name="visibilityTimeout">See <see cref="ClaimPlannedAsync"/>.</param>
    /// <param name="faulted">Whether the attempt ended in an unexpected error, which <see cref="Chunk.Faults"/> counts.</param>
    /// <returns>False when the lease is lost.</returns>
    Task<bool> ReleaseAsync(
        ChunkLease held,
        TimeSpan visibilityTimeout,
        bool faulted = false,
        CancellationToken cancellationToken = default
    );

    /// <summary>Stores a note that image <paramref name="number"/> is about to be computed in isolation.</summary>
    /// <returns>
    /// How many earlier attempts began the image and never ended it; -1 when the lease is lost. An image with 2 or more has
    /// crashed two workers.
    /// </returns>
    Task<int> BeginIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default);

    /// <summary>Removes the note of <see cref="BeginIsolatedAsync"/>, whether the image succeeded or failed.</summary>
    Task EndIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default);

    /// <summary>
    /// Stores the results of chunks and ends them. The writes of a chunk have this order: new explanations, an evaluation's
    /// rows, items, the end of the chunk, the job's counts. The chunk ends by a compare-and-set, only if its lease still holds.
    /// It is counted once, and the last chunk of a job completes the job, once. Records that are already stored stay: the first
    /// record of an image is its record, and the job's counts are those of the stored records.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// An item does not belong to its chunk, comes twice, or refers to an explanation that is neither given nor stored.
    /// </exception>
    Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancellationToken = default);
}

/// <summary>Gives a worker the right to compute a chunk until the lease expires.</summary>
/// <param name="Attempt">Value of <see cref="Chunk.Attempts"/> when the lease was granted. It fences off older leases.</param>
/// <param name="Generation">See <see cref="Chunk.Generation"/>.</param>
public sealed record ChunkLease(Guid Owner, int Number, int Attempt, long Generation = 0);

public enum LeaseOutcome
{
    /// <summary>The worker computes the chunk.</summary>
    Granted,

    /// <summary>
    /// The chunk is done. The worker publishes its event again, with <see cref="Chunk.Sum"/>, and acknowledges the message.
    /// </summary>
    Done,

    /// <summary>A newer message of the chunk has been published. The worker acknowledges this one.</summary>
    Stale,

    /// <summary>
    /// Another worker holds the lease. This worker acknowledges the message. If the other one dies, the sweeper requeues the
    /// chunk.
    /// </summary>
    Held,

    /// <summary>The job is paused, and the chunk is Planned again. The worker acknowledges the message.</summary>
    Paused,

    /// <summary>The job is cancelled. The worker acknowledges the message.</summary>
    Cancelled,

    /// <summary>The chunk does not exist, because its job was deleted. The worker acknowledges the message.</summary>
    Gone,

    /// <summary>A job or another request has the key of this request. The worker sends the message to the error queue.</summary>
    KeyUsed,
}

/// <param name="Lease">The lease; null unless granted.</param>
/// <param name="Chunk">The chunk as stored; null when there is none.</param>
public sealed record LeaseAnswer(LeaseOutcome Outcome, ChunkLease? Lease, Chunk? Chunk)
{
    /// <summary>
    /// Whether an earlier attempt crashed. The worker then computes image by image, with <see
    /// cref="IChunks.BeginIsolatedAsync"/> before each.
    /// </summary>
    public bool Isolated => Outcome == LeaseOutcome.Granted && Chunk!.Crashes > 0;
}

/// <param name="Explanations">
/// Newly computed explanations. Those that <see cref="IExplanations.PinAsync"/> found are left out.
/// </param>
/// <param name="Items">One item for each reference of the chunk.</param>
public sealed record ChunkResult(ChunkLease Lease, IReadOnlyList<StoredExplanation> Explanations, IReadOnlyList<Item> Items)
{
    /// <summary>
    /// Numbers of items whose image was not read because an earlier record knows it. <see cref="IItems.KnownAsync"/> keeps
    /// finding the earlier record.
    /// </summary>
    public IReadOnlySet<int> Unread { get; init; } = System.Collections.Frozen.FrozenSet<int>.Empty;

    /// <summary>Measurements of an evaluation's chunk, whose items have no explanations; null for every other chunk.</summary>
    public ChunkRows? Rows { get; init; }
}

public enum SaveOutcome
{
    Saved,

    /// <summary>Another attempt has saved the chunk. Nothing is lost.</summary>
    AlreadyDone,

    /// <summary>The lease is lost, and nothing is counted. Another attempt saves the chunk.</summary>
    LeaseLost,

    /// <summary>The job was deleted during the call. Nothing of the chunk is stored.</summary>
    Gone,
}

/// <param name="NewExplanations">Number of explanations that were not stored before.</param>
/// <param name="NewItems">Number of items that were not stored before.</param>
/// <param name="Progress">Stored counts of this chunk, from whichever attempt; zeros when the chunk is not stored.</param>
/// <param name="JobCompleted">
/// Whether this call completed the job. Its notification is then pending, see <see cref="IJobs.PendingNotificationsAsync"/>.
/// </param>
public sealed record SaveAnswer(SaveOutcome Outcome, int NewExplanations, int NewItems, JobProgress Progress, bool JobCompleted);
