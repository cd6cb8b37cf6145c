using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>Stores jobs: creates them, plans them chunk by chunk, and ends them.</summary>
public interface IJobs
{
    /// <summary>
    /// Creates a running job without chunks. With a key, its id is <see cref="RequestId.Of"/> of the key. The same key with an
    /// equal spec returns the stored job; with another spec it is a conflict. A job and a request cannot share a key: the first
    /// one keeps it, decided in one atomic step.
    /// </summary>
    /// <exception cref="KeyUsedException">A request has the key, running or done. Nothing has changed.</exception>
    Task<JobCreation> CreateAsync(JobSpec spec, string? key = null, CancellationToken cancellationToken = default);

    Task<Job?> FindAsync(Guid id, CancellationToken cancellationToken = default);

    /// <summary>Returns one page of jobs, newest first.</summary>
    /// <exception cref="StoreQueryException">The limit is out of range or the cursor does not belong to a list of jobs.</exception>
    Task<JobPage> PageAsync(JobQuery query, CancellationToken cancellationToken = default);

    /// <summary>Returns jobs that ended before a moment and have no pending notification, earliest end first.</summary>
    /// <exception cref="StoreQueryException">The limit is out of range.</exception>
    Task<IReadOnlyList<Job>> EndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default);

    /// <summary>
    /// Counts what <see cref="EndedAsync"/> would return without a limit. Reads the jobs only, none of their items.
    /// </summary>
    Task<EndedJobsCount> CountEndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default);

    /// <summary>
    /// Acquires or extends the lease for planning the job, until <paramref name="lease"/> from now. One planner at a time holds
    /// it.
    /// </summary>
    /// <returns>False when another planner holds it, or the job is planned, ended or deleted.</returns>
    Task<bool> LeasePlanningAsync(Guid job, string planner, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Returns running and paused jobs that are not fully planned and whose planning nobody has leased.</summary>
    Task<IReadOnlyList<Guid>> UnplannedAsync(CancellationToken cancellationToken = default);

    /// <summary>Returns the chunk and image number that planning continues with, after a crash too.</summary>
    Task<PlanTail> PlanTailAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>
    /// Stores the next chunks, numbered without gaps from <c>tail.NextChunk</c>. Their references are numbered without gaps
    /// from <c>tail.NextImage</c>. Each chunk is stored whole or not at all.
    /// </summary>
    /// <returns>
    /// The new tail. Null when another planner has written past <paramref name="tail"/>, or the job is planned, ended, deleted
    /// or recreated: the caller reads the tail again.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// A chunk is empty, too large, or its references are not numbered without gaps.
    /// </exception>
    Task<PlanTail?> AddChunksAsync(
        Guid job,
        PlanTail tail,
        IReadOnlyList<IReadOnlyList<ImageReference>> chunks,
        CancellationToken cancellationToken = default
    );

    /// <summary>Makes the planned totals final. A job whose chunks are all done, or that has none, completes here.</summary>
    /// <param name="generation">Generation of the planned job; a job recreated under its key does not change.</param>
    /// <returns>The job after the call; null when it is deleted.</returns>
    Task<Job?> FinishPlanningAsync(Guid job, long? generation = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Pauses a running job. Workers that lease its published chunks afterwards get <see cref="LeaseOutcome.Paused"/>. A paused
    /// job keeps its first reason.
    /// </summary>
    /// <returns>Whether the job is now paused; false when it was not running.</returns>
    Task<bool> PauseAsync(Guid job, string reason, CancellationToken cancellationToken = default);

    /// <summary>
    /// Records the result of checking the failure rate of the job's first images, once per job. A reason pauses the job in the
    /// same step. Exactly one caller receives <see cref="FailureRateCheck.Now"/>, across restarts and resumptions.
    /// </summary>
    /// <param name="reason">Why the job pauses; null when it goes on.</param>
    Task<FailureRateCheck> CheckFailureRateAsync(Guid job, string? reason, CancellationToken cancellationToken = default);

    /// <summary>Resumes a paused job.</summary>
    /// <returns>Whether this call resumed it.</returns>
    Task<bool> ResumeAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>
    /// Cancels a running or paused job. None of its chunks is published or leased afterwards. Chunks that workers hold may
    /// still be saved.
    /// </summary>
    /// <returns>Whether the job is now cancelled; false when it had completed or is deleted.</returns>
    Task<bool> CancelAsync(Guid job, string? reason = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Deletes the job or request, its chunks and its items, and frees its key. Retention deletes the explanations. After it
    /// returns, the job cannot be found and nothing can be saved for it. After a crash, <see cref="IStore.RepairAsync"/>
    /// finishes the deletion.
    /// </summary>
    /// <returns>False when there is no such job.</returns>
    Task<bool> DeleteAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>
    /// Returns completed jobs whose notification is pending. The caller acquires <see cref="LeaseNotificationAsync"/> first.
    /// Unless <see cref="Job.EventPublished"/>, it publishes <see cref="JobCompleted"/> and calls <see
    /// cref="MarkEventPublishedAsync"/>. Then it calls the webhook, if there is one, and <see cref="MarkNotifiedAsync"/>.
    /// </summary>
    Task<IReadOnlyList<Job>> PendingNotificationsAsync(int limit = 100, CancellationToken cancellationToken = default);

    /// <summary>
    /// Acquires or extends the lease for notifying of the job's completion. One notifier at a time holds it. When it expires,
    /// another notifier may repeat what the first one did not mark.
    /// </summary>
    /// <param name="lease">Duration from now; zero releases the lease.</param>
    /// <returns>False when another notifier holds it, or no notification is pending.</returns>
    Task<bool> LeaseNotificationAsync(Guid job, string notifier, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>
    /// Marks the completion event as published, so that it is not published again while the webhook is retried. Does nothing
    /// unless the job is completed.
    /// </summary>
    Task MarkEventPublishedAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>Marks the completion as published and delivered. Does nothing unless the job is completed.</summary>
    Task MarkNotifiedAsync(Guid job, CancellationToken cancellationToken = default);
}

/// <param name="Job">The created or the stored job.</param>
public sealed record JobCreation(JobCreated Outcome, Job Job);

public enum JobCreated
{
    New,

    /// <summary>The key is in use by a job with the same spec.</summary>
    Existing,

    /// <summary>The key is in use by a job with another spec.</summary>
    Conflict,
}

/// <summary>Says whether a call recorded the check.</summary>
public enum FailureRateCheck
{
    /// <summary>This call recorded the check.</summary>
    Now,

    /// <summary>An earlier call recorded it. Nothing has changed.</summary>
    Before,

    /// <summary>The job is not running, or deleted. Nothing has changed.</summary>
    NotRunning,
}

/// <param name="NextChunk">Number of the next chunk.</param>
/// <param name="NextImage">Number of the next image.</param>
/// <param name="LastUri">URI of the last planned reference, to find the place in the source; null when nothing is planned.</param>
/// <param name="Generation">Generation of the job.</param>
public sealed record PlanTail(int NextChunk, int NextImage, string? LastUri, long Generation = 0);

public sealed record JobQuery
{
    public string? Tag { get; init; }

    public JobState? State { get; init; }

    /// <summary><see cref="JobSpec.Owner"/>.</summary>
    public string? Owner { get; init; }

    /// <summary>1 to 1000.</summary>
    public int Limit { get; init; } = 100;

    public string? Cursor { get; init; }
}

public sealed record JobPage(IReadOnlyList<Job> Jobs, string? Next);

/// <summary>Selects ended jobs.</summary>
public sealed record EndedJobsQuery
{
    /// <summary>Time before which the jobs were completed or cancelled.</summary>
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

/// <param name="Images">Number of planned images of these jobs; 0 for a job that was cancelled during planning.</param>
public sealed record EndedJobsCount(long Jobs, long Images);
