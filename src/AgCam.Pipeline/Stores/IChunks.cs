using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// The life of a chunk: Planned, Published, Leased, Done. Every step is a compare-and-set, so that any number of publishers, workers
/// and sweepers may try.
/// </summary>
public interface IChunks
{
    Task<Chunk?> FindAsync(Guid owner, int number, CancellationToken cancellationToken = default);

    /// <summary>
    /// Takes planned chunks of a running job, lowest numbers first, so that about <paramref name="window"/> of its chunks are published
    /// or leased; publish what comes
    /// back. Their epoch is counted up and they are trusted to the broker for <paramref name="visibilityTimeout"/>. Two callers never
    /// take the same chunk; together they may
    /// exceed the window by what one of them takes.
    /// </summary>
    Task<IReadOnlyList<Chunk>> ClaimPlannedAsync(
        Guid job,
        int window,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken = default
    );

    /// <summary>
    /// The sweeper: takes up to <paramref name="limit"/> chunks whose time is over, published or leased, of running jobs and of
    /// requests; publish what comes back. Epoch and trust as in
    /// <see cref="ClaimPlannedAsync"/>; a lease that ran out counts as a crash. Chunks of paused and cancelled jobs go back to Planned.
    /// </summary>
    /// <param name="all">Whether to take them all, whatever their time and number: at the start of a process whose bus lived in the
    /// process before it.</param>
    Task<IReadOnlyList<Chunk>> RequeueExpiredAsync(
        TimeSpan visibilityTimeout,
        int limit = 100,
        bool all = false,
        CancellationToken cancellationToken = default
    );

    /// <summary>
    /// Writes a request without a job down, published and trusted to the bus for <paramref name="visibilityTimeout"/>: from here on the
    /// promise holds even if the bus forgets it. The same key again
    /// finds what is there.
    /// </summary>
    /// <param name="owner">See <see cref="Claim.Owner"/>.</param>
    /// <returns>The chunk; publish its <see cref="Chunk.Request"/> unless it is done.</returns>
    /// <exception cref="ArgumentException">The request is a job's.</exception>
    /// <exception cref="KeyUsedException">The key is a job's, or another request's, running or done; nothing has changed.</exception>
    Task<Chunk> AcceptAsync(
        ExplainImages request,
        TimeSpan visibilityTimeout,
        string? owner = null,
        CancellationToken cancellationToken = default
    );

    /// <returns>What the id of a job or request stands for; null when it was never used, or its job or request was deleted.</returns>
    Task<Claim?> FindClaimAsync(Guid owner, CancellationToken cancellationToken = default);

    /// <summary>
    /// Forgets the chunks of requests that were done longer than <paramref name="age"/> ago; their items and the claims of their ids stay.
    /// The same request under the same key would be computed again from then on.
    /// </summary>
    /// <returns>How many were forgotten; up to <paramref name="limit"/>.</returns>
    Task<int> ForgetRequestsAsync(TimeSpan age, int limit = 1000, CancellationToken cancellationToken = default);

    /// <summary>
    /// A worker has the message in hand. A request without a job is written down as a chunk here, on its first lease, unless its key was
    /// used for something else.
    /// </summary>
    /// <param name="redelivered">The broker says that it gave this message out before: the worker that had it is gone, so a lease that
    /// still runs is taken over and counts as a crash.</param>
    Task<LeaseAnswer> LeaseAsync(
        ExplainImages message,
        string worker,
        TimeSpan lease,
        bool redelivered = false,
        CancellationToken cancellationToken = default
    );

    /// <summary>Still at it: the lease lasts until <paramref name="lease"/> from now.</summary>
    /// <returns>False when the lease has been lost: stop, and acknowledge.</returns>
    Task<bool> HeartbeatAsync(ChunkLease held, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>
    /// The worker gives the chunk back unharmed (it is draining): Published again, trusted to the broker for
    /// <paramref name="visibilityTimeout"/>; no crash is counted, and what this attempt began alone counts as not begun.
    /// </summary>
    /// <param name="faulted">Whether the attempt ended in an error that is none of those foreseen: <see cref="Chunk.Faults"/> counts
    /// it.</param>
    Task<bool> ReleaseAsync(
        ChunkLease held,
        TimeSpan visibilityTimeout,
        bool faulted = false,
        CancellationToken cancellationToken = default
    );

    /// <summary>
    /// The durable note that image <paramref name="number"/> is about to be computed alone.
    /// </summary>
    /// <returns>How often it had been begun before without coming back: 2 or more means it brought two workers down. -1 when the lease
    /// has been lost.</returns>
    Task<int> BeginIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default);

    /// <summary>The image came back, well or not: its note is removed.</summary>
    Task EndIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default);

    /// <summary>
    /// Stores what chunks gave and ends them. For each chunk, in this order: new explanations, an evaluation's rows, items, then one
    /// compare-and-set that ends the chunk if the lease still holds,
    /// then its numbers into the job's, once; the chunk that makes a job whole completes it, once. What is already there (by key) stays
    /// as it is: the first record of an image is its record, and the job's
    /// numbers are those of the stored records.
    /// </summary>
    /// <exception cref="ArgumentException">An item is not of its chunk, comes twice, or refers to an explanation that is neither given
    /// nor said to be held.</exception>
    Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancellationToken = default);
}

/// <summary>The right to compute a chunk.</summary>
/// <param name="Attempt">The fence: <see cref="Chunk.Attempts"/> when it was given.</param>
/// <param name="Generation"><see cref="Chunk.Generation"/>.</param>
public sealed record ChunkLease(Guid Owner, int Number, int Attempt, long Generation = 0);

public enum LeaseOutcome
{
    /// <summary>Compute it.</summary>
    Granted,

    /// <summary>It is done: tell so again, with <see cref="Chunk.Sum"/>, and acknowledge.</summary>
    Done,

    /// <summary>The chunk has been published again since: acknowledge, the newer message does it.</summary>
    Stale,

    /// <summary>Another worker has it: acknowledge, the sweeper publishes it again should that worker die.</summary>
    Held,

    /// <summary>The job is paused; the chunk is planned again: acknowledge.</summary>
    Paused,

    /// <summary>The job is cancelled: acknowledge.</summary>
    Cancelled,

    /// <summary>There is no such chunk; the job was deleted: acknowledge.</summary>
    Gone,

    /// <summary>The message is a request whose key is a job's, or another request's: put it aside.</summary>
    KeyUsed,
}

/// <param name="Lease">Not null when granted.</param>
/// <param name="Chunk">As it stands; null when gone.</param>
public sealed record LeaseAnswer(LeaseOutcome Outcome, ChunkLease? Lease, Chunk? Chunk)
{
    /// <summary>An earlier attempt crashed: compute image by image, with <see cref="IChunks.BeginIsolatedAsync"/> before each.</summary>
    public bool Isolated => Outcome == LeaseOutcome.Granted && Chunk!.Crashes > 0;
}

/// <param name="Explanations">Those newly computed. Cache hits are left out; their ids are in <see cref="IExplanations.PinAsync"/>'s
/// answer.</param>
/// <param name="Items">One for each reference of the chunk.</param>
public sealed record ChunkResult(ChunkLease Lease, IReadOnlyList<StoredExplanation> Explanations, IReadOnlyList<Item> Items)
{
    /// <summary>
    /// The numbers of items whose image was not read, being known by an earlier record: that record stays the one that
    /// <see cref="IItems.KnownAsync"/> finds.
    /// </summary>
    public IReadOnlySet<int> Unread { get; init; } = System.Collections.Frozen.FrozenSet<int>.Empty;

    /// <summary>What was measured, of an evaluation's chunk: its items have no explanations. Null of any other.</summary>
    public ChunkRows? Rows { get; init; }
}

public enum SaveOutcome
{
    Saved,

    /// <summary>Another attempt has saved it. Nothing was lost.</summary>
    AlreadyDone,

    /// <summary>The lease was lost; nothing counts. Another attempt will save it.</summary>
    LeaseLost,

    /// <summary>The job was deleted meanwhile; nothing is left behind.</summary>
    Gone,
}

/// <param name="NewExplanations">How many were not there before.</param>
/// <param name="NewItems">How many were not there before.</param>
/// <param name="Progress">Of this chunk, as stored, whoever stored it; zeros where it is not.</param>
/// <param name="JobCompleted">Whether this call completed the job, which is then to be told: see
/// <see cref="IJobs.PendingNotificationsAsync"/>.</param>
public sealed record SaveAnswer(SaveOutcome Outcome, int NewExplanations, int NewItems, JobProgress Progress, bool JobCompleted);
