using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Testing;

internal sealed partial class ModelStore
{
    private long _generations;

    public Task<JobCreation> CreateAsync(JobSpec spec, string? key, CancellationToken cancellationToken)
    {
        var id = key is null ? Guid.CreateVersion7() : RequestId.Of(key);
        _deleted.Remove(id);
        Claim(id, Pipeline.Stores.Claim.OfJob(spec.Owner));
        if (_jobs.TryGetValue(id, out var stored))
            return Task.FromResult(
                new JobCreation(stored.Job.Spec.Hash() == spec.Hash() ? JobCreated.Existing : JobCreated.Conflict, stored.Job)
            );
        var job = new Job
        {
            Id = id,
            Spec = spec,
            Generation = ++_generations,
            Created = Now,
            State = JobState.Running,
            Progress = new JobProgress(),
        };
        _jobs[id] = new ModelJob(job);
        return Task.FromResult(new JobCreation(JobCreated.New, job));
    }

    Task<Job?> IJobs.FindAsync(Guid id, CancellationToken cancellationToken) => Task.FromResult(_jobs.GetValueOrDefault(id)?.Job);

    public Task<JobPage> PageAsync(JobQuery query, CancellationToken cancellationToken) =>
        Task.FromResult(
            new JobPage(
                [
                    .. _jobs
                        .Values.Select(item => item.Job)
                        .Where(job =>
                            (query.Tag is null || job.Spec.Tags.Contains(query.Tag))
                            && (query.State is null || job.State == query.State)
                            && (query.Owner is null || job.Spec.Owner == query.Owner)
                        )
                        .OrderByDescending(job => job.Created)
                        .ThenByDescending(job => job.Id)
                        .Take(query.Limit),
                ],
                null
            )
        );

    public Task<IReadOnlyList<Job>> EndedAsync(EndedJobsQuery query, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Job>>([.. Ended(query).OrderBy(job => job.Finished).Take(query.Limit)]);

    public Task<EndedJobsCount> CountEndedAsync(EndedJobsQuery query, CancellationToken cancellationToken) =>
        Task.FromResult(new EndedJobsCount(Ended(query).Count(), Ended(query).Sum(job => (long)(job.Images ?? 0))));

    private IEnumerable<Job> Ended(EndedJobsQuery query) =>
        _jobs
            .Values.Where(item =>
                item.Job.Finished < query.Before
                && !item.PendingNotification
                && (query.Tag is null || item.Job.Spec.Tags.Contains(query.Tag))
            )
            .Where(item => query.Owner is null || item.Job.Spec.Owner == query.Owner)
            .Select(item => item.Job);

    public Task<bool> LeasePlanningAsync(Guid job, string planner, TimeSpan lease, CancellationToken cancellationToken)
    {
        if (Unplanned(job) is not { } item || item.Planner is not null && item.Planner != planner && item.PlannerUntil > Now)
            return Task.FromResult(false);
        (item.Planner, item.PlannerUntil) = (planner, Now + lease);
        return Task.FromResult(true);
    }

    public Task<IReadOnlyList<Guid>> UnplannedAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Guid>>([
            .. _jobs.Keys.Where(id => Unplanned(id) is { } item && (item.Planner is null || item.PlannerUntil <= Now)),
        ]);

    public Task<PlanTail> PlanTailAsync(Guid job, CancellationToken cancellationToken)
    {
        var chunks = _chunks.Values.Where(chunk => chunk.Owner == job).ToList();
        var generation = _jobs.GetValueOrDefault(job)?.Job.Generation ?? 0;
        return Task.FromResult(
            chunks.Count == 0
                ? new PlanTail(0, 0, null, generation)
                : new PlanTail(chunks.Count, chunks.Sum(chunk => chunk.Count), _last[job], generation)
        );
    }

    private readonly Dictionary<Guid, string> _last = [];

    public async Task<PlanTail?> AddChunksAsync(
        Guid job,
        PlanTail tail,
        IReadOnlyList<IReadOnlyList<ImageReference>> chunks,
        CancellationToken cancellationToken
    )
    {
        if (Unplanned(job) is null || await PlanTailAsync(job, cancellationToken) != tail)
            return null;
        for (var i = 0; i < chunks.Count; i++)
        {
            _chunks[(job, tail.NextChunk + i)] = new Chunk
            {
                Owner = job,
                Number = tail.NextChunk + i,
                Generation = tail.Generation,
                Count = chunks[i].Count,
                References = chunks[i],
                State = ChunkState.Planned,
            };
            _last[job] = chunks[i][^1].Uri;
        }
        return await PlanTailAsync(job, cancellationToken);
    }

    public async Task<Job?> FinishPlanningAsync(Guid job, long? generation, CancellationToken cancellationToken)
    {
        if (Unplanned(job) is { } item && (generation is null || generation == item.Job.Generation))
        {
            var tail = await PlanTailAsync(job, cancellationToken);
            item.Job = item.Job with { Images = tail.NextImage, Chunks = tail.NextChunk };
            TryComplete(item);
        }
        return _jobs.GetValueOrDefault(job)?.Job;
    }

    public Task<bool> PauseAsync(Guid job, string reason, CancellationToken cancellationToken)
    {
        Move(job, [JobState.Running], item => item with { State = JobState.Paused, Reason = reason });
        return Task.FromResult(StateOf(job) == JobState.Paused);
    }

    public Task<FailureRateCheck> CheckFailureRateAsync(Guid job, string? reason, CancellationToken cancellationToken)
    {
        if (StateOf(job) != JobState.Running)
            return Task.FromResult(FailureRateCheck.NotRunning);
        if (_jobs[job].FailureRateChecked)
            return Task.FromResult(FailureRateCheck.Before);
        _jobs[job].FailureRateChecked = true;
        if (reason is not null)
            Move(job, [JobState.Running], item => item with { State = JobState.Paused, Reason = reason });
        return Task.FromResult(FailureRateCheck.Now);
    }

    public Task<bool> ResumeAsync(Guid job, CancellationToken cancellationToken)
    {
        if (!Move(job, [JobState.Paused], item => item with { State = JobState.Running, Reason = null }))
            return Task.FromResult(false);
        _jobs[job].AuditCrashes = 0;
        return Task.FromResult(true);
    }

    public Task<bool> CancelAsync(Guid job, string? reason, CancellationToken cancellationToken)
    {
        Move(job, [JobState.Running, JobState.Paused], item => item with { State = JobState.Cancelled, Reason = reason, Finished = Now });
        return Task.FromResult(StateOf(job) == JobState.Cancelled);
    }

    public Task<bool> DeleteAsync(Guid job, CancellationToken cancellationToken)
    {
        var chunks = _chunks.Keys.Where(key => key.Owner == job).ToList();
        if (!_jobs.Remove(job) && chunks.Count == 0)
            return Task.FromResult(false);
        _deleted.Add(job);
        _claims.Remove(job);
        chunks.ForEach(key => _chunks.Remove(key));
        foreach (var key in _items.Keys.Where(key => key.Job == job).ToList())
        {
            _items.Remove(key);
            _unread.Remove(key);
        }
        foreach (var key in _rows.Keys.Where(key => key.Job == job).ToList())
            _rows.Remove(key);
        foreach (var key in _isolated.Keys.Where(key => key.Owner == job).ToList())
            _isolated.Remove(key);
        return Task.FromResult(true);
    }

    public Task<IReadOnlyList<Job>> PendingNotificationsAsync(int limit, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Job>>([.. _jobs.Values.Where(item => item.PendingNotification).Select(item => item.Job).Take(limit)]);

    public Task<bool> LeaseNotificationAsync(Guid job, string notifier, TimeSpan lease, CancellationToken cancellationToken)
    {
        if (
            !_jobs.TryGetValue(job, out var item)
            || !item.PendingNotification
            || item.Notifier is not null && item.Notifier != notifier && item.NotifierUntil > Now
        )
            return Task.FromResult(false);
        (item.Notifier, item.NotifierUntil) = (notifier, Now + lease);
        return Task.FromResult(true);
    }

    public Task MarkEventPublishedAsync(Guid job, CancellationToken cancellationToken)
    {
        Move(job, [JobState.Completed], item => item with { EventPublished = true });
        return Task.CompletedTask;
    }

    public Task MarkNotifiedAsync(Guid job, CancellationToken cancellationToken)
    {
        if (_jobs.TryGetValue(job, out var item))
            item.PendingNotification = false;
        return Task.CompletedTask;
    }

    private bool TryComplete(ModelJob item)
    {
        if (item.Job.State is not (JobState.Running or JobState.Paused) || item.Job.Progress.ChunksDone != item.Job.Chunks)
            return false;
        if (item.Job.Spec.Audit is not null && item.Report is null)
            return false;
        item.Job = item.Job with { State = JobState.Completed, Reason = null, Finished = Now };
        return item.PendingNotification = true;
    }

    private ModelJob? Unplanned(Guid job) =>
        _jobs.TryGetValue(job, out var item) && item.Job is { Chunks: null, State: JobState.Running or JobState.Paused } ? item : null;

    private JobState? StateOf(Guid job) => _jobs.GetValueOrDefault(job)?.Job.State;

    private bool Move(Guid job, JobState[] from, Func<Job, Job> to)
    {
        if (StateOf(job) is not { } state || !from.Contains(state))
            return false;
        _jobs[job].Job = to(_jobs[job].Job);
        return true;
    }
}
