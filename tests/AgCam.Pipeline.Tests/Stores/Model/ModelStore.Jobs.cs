using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Tests.Stores.Model;

internal sealed partial class ModelStore
{
    private long _lives;

    public Task<JobCreation> CreateAsync(JobSpec spec, string? key, CancellationToken cancel)
    {
        var id = key is null ? Guid.CreateVersion7() : RequestId.Of(key);
        _deleted.Remove(id);
        Claim(id, Pipeline.Stores.Claim.OfJob(spec.Owner));
        if (_jobs.TryGetValue(id, out var there))
            return Task.FromResult(new JobCreation(there.Job.Spec.Hash() == spec.Hash() ? JobCreated.Existing : JobCreated.Conflict, there.Job));
        var job = new Job { Id = id, Spec = spec, Life = ++_lives, Created = Now, State = JobState.Running, Progress = new JobProgress() };
        _jobs[id] = new ModelJob(job);
        return Task.FromResult(new JobCreation(JobCreated.New, job));
    }

    Task<Job?> IJobs.FindAsync(Guid id, CancellationToken cancel) => Task.FromResult(_jobs.GetValueOrDefault(id)?.Job);

    public Task<JobPage> PageAsync(JobQuery query, CancellationToken cancel) => Task.FromResult(new JobPage(
        [.. _jobs.Values.Select(one => one.Job)
            .Where(job => (query.Tag is null || job.Spec.Tags.Contains(query.Tag)) && (query.State is null || job.State == query.State)
                && (query.Source is null || job.Spec.Source == query.Source)
                && (query.Owner is null || job.Spec.Owner == query.Owner))
            .OrderByDescending(job => job.Created).ThenByDescending(job => job.Id).Take(query.Limit)],
        null));

    public Task<IReadOnlyList<Job>> EndedAsync(EndedJobsQuery query, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Job>>([.. Ended(query).OrderBy(job => job.Finished).Take(query.Limit)]);

    public Task<EndedJobsCount> CountEndedAsync(EndedJobsQuery query, CancellationToken cancellationToken) =>
        Task.FromResult(new EndedJobsCount(Ended(query).Count(), Ended(query).Sum(job => (long)(job.Images ?? 0))));

    private IEnumerable<Job> Ended(EndedJobsQuery query) => _jobs.Values
        .Where(one => one.Job.Finished < query.Before && !one.Untold && (query.Tag is null || one.Job.Spec.Tags.Contains(query.Tag)))
        .Where(one => query.Owner is null || one.Job.Spec.Owner == query.Owner)
        .Select(one => one.Job);

    public Task<bool> HoldPlanningAsync(Guid job, string planner, TimeSpan lease, CancellationToken cancel)
    {
        if (Unplanned(job) is not { } one || one.Planner is not null && one.Planner != planner && one.PlannerUntil > Now)
            return Task.FromResult(false);
        (one.Planner, one.PlannerUntil) = (planner, Now + lease);
        return Task.FromResult(true);
    }

    public Task<IReadOnlyList<Guid>> UnplannedAsync(CancellationToken cancel) => Task.FromResult<IReadOnlyList<Guid>>(
        [.. _jobs.Keys.Where(id => Unplanned(id) is { } one && (one.Planner is null || one.PlannerUntil <= Now))]);

    public Task<PlanTail> PlanTailAsync(Guid job, CancellationToken cancel)
    {
        var chunks = _chunks.Values.Where(chunk => chunk.Owner == job).ToList();
        var life = _jobs.GetValueOrDefault(job)?.Job.Life ?? 0;
        return Task.FromResult(chunks.Count == 0 ? new PlanTail(0, 0, null, life) : new PlanTail(chunks.Count, chunks.Sum(chunk => chunk.Count), _last[job], life));
    }

    private readonly Dictionary<Guid, string> _last = [];

    public async Task<PlanTail?> AddChunksAsync(Guid job, PlanTail tail, IReadOnlyList<IReadOnlyList<ImageReference>> chunks, CancellationToken cancel)
    {
        if (Unplanned(job) is null || await PlanTailAsync(job, cancel) != tail)
            return null;
        for (var i = 0; i < chunks.Count; i++)
        {
            _chunks[(job, tail.NextChunk + i)] = new Chunk { Owner = job, Number = tail.NextChunk + i, Life = tail.Life, Count = chunks[i].Count, References = chunks[i], State = ChunkState.Planned };
            _last[job] = chunks[i][^1].Uri;
        }
        return await PlanTailAsync(job, cancel);
    }

    public async Task<Job?> FinishPlanningAsync(Guid job, long? life, CancellationToken cancel)
    {
        if (Unplanned(job) is { } one && (life is null || life == one.Job.Life))
        {
            var tail = await PlanTailAsync(job, cancel);
            one.Job = one.Job with { Images = tail.NextImage, Chunks = tail.NextChunk };
            TryComplete(one);
        }
        return _jobs.GetValueOrDefault(job)?.Job;
    }

    public Task<bool> PauseAsync(Guid job, string reason, CancellationToken cancel)
    {
        Move(job, [JobState.Running], one => one with { State = JobState.Paused, Reason = reason });
        return Task.FromResult(StateOf(job) == JobState.Paused);
    }

    public Task<Judgement> JudgeAsync(Guid job, string? reason, CancellationToken cancel)
    {
        if (StateOf(job) != JobState.Running)
            return Task.FromResult(Judgement.NotRunning);
        if (_jobs[job].Judged)
            return Task.FromResult(Judgement.Before);
        _jobs[job].Judged = true;
        if (reason is not null)
            Move(job, [JobState.Running], one => one with { State = JobState.Paused, Reason = reason });
        return Task.FromResult(Judgement.Now);
    }

    public Task<bool> ResumeAsync(Guid job, CancellationToken cancel) =>
        Task.FromResult(Move(job, [JobState.Paused], one => one with { State = JobState.Running, Reason = null }));

    public Task<bool> CancelAsync(Guid job, string? reason, CancellationToken cancel)
    {
        Move(job, [JobState.Running, JobState.Paused], one => one with { State = JobState.Cancelled, Reason = reason, Finished = Now });
        return Task.FromResult(StateOf(job) == JobState.Cancelled);
    }

    public Task<bool> DeleteAsync(Guid job, CancellationToken cancel)
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
        foreach (var key in _alone.Keys.Where(key => key.Owner == job).ToList())
            _alone.Remove(key);
        return Task.FromResult(true);
    }

    public Task<IReadOnlyList<Job>> UntoldAsync(int limit, CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<Job>>([.. _jobs.Values.Where(one => one.Untold).Select(one => one.Job).Take(limit)]);

    public Task<bool> HoldTellingAsync(Guid job, string teller, TimeSpan lease, CancellationToken cancel)
    {
        if (!_jobs.TryGetValue(job, out var one) || !one.Untold || one.Teller is not null && one.Teller != teller && one.TellerUntil > Now)
            return Task.FromResult(false);
        (one.Teller, one.TellerUntil) = (teller, Now + lease);
        return Task.FromResult(true);
    }

    public Task MarkAnnouncedAsync(Guid job, CancellationToken cancel)
    {
        Move(job, [JobState.Completed], one => one with { Announced = true });
        return Task.CompletedTask;
    }

    public Task MarkToldAsync(Guid job, CancellationToken cancel)
    {
        if (_jobs.TryGetValue(job, out var one))
            one.Untold = false;
        return Task.CompletedTask;
    }

    private bool TryComplete(ModelJob one)
    {
        if (one.Job.State is not (JobState.Running or JobState.Paused) || one.Job.Progress.ChunksDone != one.Job.Chunks)
            return false;
        one.Job = one.Job with { State = JobState.Completed, Reason = null, Finished = Now };
        return one.Untold = true;
    }

    private ModelJob? Unplanned(Guid job) =>
        _jobs.TryGetValue(job, out var one) && one.Job is { Chunks: null, State: JobState.Running or JobState.Paused } ? one : null;

    private JobState? StateOf(Guid job) => _jobs.GetValueOrDefault(job)?.Job.State;

    private bool Move(Guid job, JobState[] from, Func<Job, Job> to)
    {
        if (StateOf(job) is not { } state || !from.Contains(state))
            return false;
        _jobs[job].Job = to(_jobs[job].Job);
        return true;
    }
}
