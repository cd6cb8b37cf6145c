using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>Jobs: created, planned chunk by chunk, followed, ended.</summary>
public interface IJobs
{
    /// <summary>
    /// Creates a running, unplanned job. With a key, its id is <see cref="RequestId.Of"/> of the key: the same key with an equal spec
    /// finds the job that is there,
    /// and with another spec is a conflict. Of a job and a request under one key the first stands; the store decides that in one atomic
    /// step.
    /// </summary>
    /// <exception cref="KeyUsedException">The key is a request's, running or done; nothing has changed.</exception>
    Task<JobCreation> CreateAsync(JobSpec spec, string? key = null, CancellationToken cancellationToken = default);

    Task<Job?> FindAsync(Guid id, CancellationToken cancellationToken = default);

    /// <summary>Newest first.</summary>
    /// <exception cref="StoreQueryException">The limit is out of range or the cursor is not one of this list's.</exception>
    Task<JobPage> PageAsync(JobQuery query, CancellationToken cancellationToken = default);

    /// <summary>Jobs that ended before a moment and whose end has been published and notified. Ended longest ago first.</summary>
    /// <exception cref="StoreQueryException">The limit is out of range.</exception>
    Task<IReadOnlyList<Job>> EndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default);

    /// <summary>Counts what <see cref="EndedAsync"/> would return without a limit. Reads the jobs only, none of their items.</summary>
    Task<EndedJobsCount> CountEndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default);

    /// <summary>
    /// Takes or keeps the right to plan the job: given to one planner at a time, until <paramref name="lease"/> from now. Who holds it
    /// calls again before that.
    /// </summary>
    /// <returns>False when another planner holds it, or the job is planned, ended or gone.</returns>
    Task<bool> LeasePlanningAsync(Guid job, string planner, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Running or paused jobs that are not fully planned and that no planner holds: a planner died, or none has begun.</summary>
    Task<IReadOnlyList<Guid>> UnplannedAsync(CancellationToken cancellationToken = default);

    /// <summary>Where planning stands: the chunk and image number to go on with, after a crash as well.</summary>
    Task<PlanTail> PlanTailAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>
    /// Writes the next chunks, in order and without gaps: chunk <c>tail.NextChunk</c>, <c>tail.NextChunk + 1</c>, ..., whose references
    /// are numbered on from
    /// <c>tail.NextImage</c>. Each chunk is written whole.
    /// </summary>
    /// <returns>The tail after them; null when another planner has written past <paramref name="tail"/> meanwhile, or the job is
    /// planned, ended, gone or made again: read the tail again.</returns>
    /// <exception cref="ArgumentException">A chunk is empty, too large, or not numbered on.</exception>
    Task<PlanTail?> AddChunksAsync(
        Guid job,
        PlanTail tail,
        IReadOnlyList<IReadOnlyList<ImageReference>> chunks,
        CancellationToken cancellationToken = default
    );

    /// <summary>
    /// No more chunks come: the totals are final. A job whose chunks are all done (or that has none) is completed by this.
    /// </summary>
    /// <param name="generation">Of the job that was planned: another, made since under its key, is left as it is.</param>
    /// <returns>The job as it then is; null when it is gone.</returns>
    Task<Job?> FinishPlanningAsync(Guid job, long? generation = null, CancellationToken cancellationToken = default);

    /// <summary>Running to paused. Chunks already published are turned away when a worker leases them.</summary>
    /// <returns>Whether the job is now paused; false when it was not running. A job that is paused keeps its first reason.</returns>
    Task<bool> PauseAsync(Guid job, string reason, CancellationToken cancellationToken = default);

    /// <summary>
    /// The one judgement of how many of a running job's first images failed, kept as long as the job: with a reason, the same step
    /// pauses it. Of any number of callers one is told
    /// <see cref="FailureRateCheck.Now"/>, whatever restarts and resumptions lie between them.
    /// </summary>
    /// <param name="reason">Why the job is to be paused; null when it may go on.</param>
    Task<FailureRateCheck> CheckFailureRateAsync(Guid job, string? reason, CancellationToken cancellationToken = default);

    /// <summary>Paused to running.</summary>
    /// <returns>Whether this call resumed it.</returns>
    Task<bool> ResumeAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>
    /// Running or paused to cancelled: no chunk is published or leased any more. What is with a worker may still be saved.
    /// </summary>
    /// <returns>Whether the job is cancelled now; false when it had completed or is gone.</returns>
    Task<bool> CancelAsync(Guid job, string? reason = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Deletes the job (or request), its chunks and its items; explanations are left to retention. When it returns, the job cannot be
    /// found and nothing can be saved for it;
    /// after a crash in between, <see cref="IStore.RepairAsync"/> finishes it. Its key is free again.
    /// </summary>
    /// <returns>False when there is no such job.</returns>
    Task<bool> DeleteAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>
    /// Completed jobs of which somebody is still to be told. With <see cref="LeaseNotificationAsync"/> had: unless
    /// <see cref="Job.EventPublished"/>, publish <see cref="JobCompleted"/> and call
    /// <see cref="MarkEventPublishedAsync"/>; then tell the job's webhook, if it has one; then call <see cref="MarkNotifiedAsync"/>.
    /// </summary>
    Task<IReadOnlyList<Job>> PendingNotificationsAsync(int limit = 100, CancellationToken cancellationToken = default);

    /// <summary>
    /// Takes or keeps the right to tell that the job has completed: given to one teller at a time, until <paramref name="lease"/> from
    /// now; zero gives it back. A teller that dies leaves it to another,
    /// so what it had told but not marked is told again.
    /// </summary>
    /// <returns>False when another teller holds it, or there is nothing to tell (any more).</returns>
    Task<bool> LeaseNotificationAsync(Guid job, string notifier, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>
    /// The bus has been told of the completion, and need not be told again while the webhook's receiver is waited for. A job that is
    /// not completed is left as it is.
    /// </summary>
    Task MarkEventPublishedAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>All who are to be told of the completion have been. A job that is not completed is left as it is.</summary>
    Task MarkNotifiedAsync(Guid job, CancellationToken cancellationToken = default);
}

/// <param name="Job">The one created, or the one that was there.</param>
public sealed record JobCreation(JobCreated Outcome, Job Job);

public enum JobCreated
{
    New,

    /// <summary>Same key, same spec.</summary>
    Existing,

    /// <summary>Same key, another spec.</summary>
    Conflict,
}

public enum FailureRateCheck
{
    /// <summary>By this call.</summary>
    Now,

    /// <summary>By an earlier one; nothing has changed.</summary>
    Before,

    /// <summary>The job is not running, or gone; nothing has changed.</summary>
    NotRunning,
}

/// <param name="NextChunk">Number of the next chunk.</param>
/// <param name="NextImage">Number of the next image.</param>
/// <param name="LastUri">The last planned reference, to find one's place in the source; null when nothing is planned.</param>
/// <param name="Generation">The job's.</param>
public sealed record PlanTail(int NextChunk, int NextImage, string? LastUri, long Generation = 0);

public sealed record JobQuery
{
    public string? Tag { get; init; }

    public JobState? State { get; init; }

    public string? Source { get; init; }

    /// <summary><see cref="JobSpec.Owner"/>.</summary>
    public string? Owner { get; init; }

    /// <summary>1 to 1000.</summary>
    public int Limit { get; init; } = 100;

    public string? Cursor { get; init; }
}

public sealed record JobPage(IReadOnlyList<Job> Jobs, string? Next);

/// <summary>Which ended jobs are meant.</summary>
public sealed record EndedJobsQuery
{
    /// <summary>Jobs that were completed or cancelled before this moment.</summary>
    public required DateTimeOffset Before { get; init; }

    public string? Tag { get; init; }

    /// <summary><see cref="JobSpec.Owner"/>; null for any.</summary>
    public string? Owner { get; init; }

    /// <summary>1 to 1000.</summary>
    public int Limit { get; init; } = 100;

    /// <exception cref="StoreQueryException">The limit is out of range.</exception>
    internal void ThrowIfInvalid()
    {
        if (Limit is < 1 or > ItemQuery.MaxLimit)
            throw new StoreQueryException($"The limit is {Limit}; it is 1 to {ItemQuery.MaxLimit}.");
    }
}

/// <param name="Images">Planned images of these jobs; a job that was cancelled before its planning was done counts as none.</param>
public sealed record EndedJobsCount(long Jobs, long Images);
