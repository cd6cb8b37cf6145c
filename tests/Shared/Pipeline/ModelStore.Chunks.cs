using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Testing;

internal sealed partial class ModelStore
{
    Task<Chunk?> IChunks.FindAsync(Guid owner, int number, CancellationToken cancellationToken) =>
        Task.FromResult(FindChunk(owner, number));

    private Chunk? FindChunk(Guid owner, int number) =>
        _chunks.TryGetValue((owner, number), out var chunk)
            ? chunk with
            {
                Isolated =
                    chunk.Crashes == 0
                        ? new Dictionary<int, int>()
                        : _isolated
                            .Where(pair => pair.Key.Owner == owner && pair.Key.Chunk == number)
                            .ToDictionary(pair => pair.Key.Number, pair => pair.Value.Starts),
            }
            : null;

    public Task<IReadOnlyList<Chunk>> ClaimPlannedAsync(
        Guid job,
        int window,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken
    )
    {
        if (StateOf(job) != JobState.Running)
            return Task.FromResult<IReadOnlyList<Chunk>>([]);
        var ofJob = _chunks.Values.Where(chunk => chunk.Owner == job).OrderBy(chunk => chunk.Number).ToList();
        var inFlight = ofJob.Count(chunk => chunk.State is ChunkState.Published or ChunkState.Leased);
        return Task.FromResult<IReadOnlyList<Chunk>>([
            .. ofJob
                .Where(chunk => chunk.State == ChunkState.Planned)
                .Take(Math.Max(0, window - inFlight))
                .Select(chunk => Publish(chunk, visibilityTimeout)),
        ]);
    }

    public Task<IReadOnlyList<Chunk>> RequeueExpiredAsync(
        TimeSpan visibilityTimeout,
        int limit,
        bool all,
        CancellationToken cancellationToken
    )
    {
        var expired = _chunks
            .Values.Where(chunk => chunk.State is ChunkState.Published or ChunkState.Leased && (all || chunk.Until <= Now))
            .ToList();
        var requeued = new List<Chunk>();
        foreach (var chunk in expired)
        {
            if (chunk.Request is not null || StateOf(chunk.Owner) == JobState.Running)
                requeued.Add(Publish(Crashed(chunk), visibilityTimeout));
            else
                Put(Crashed(chunk) with { State = ChunkState.Planned, Worker = null, Until = null });
        }
        return Task.FromResult<IReadOnlyList<Chunk>>(requeued);
    }

    public Task<Claim?> FindClaimAsync(Guid owner, CancellationToken cancellationToken) =>
        Task.FromResult(_claims.GetValueOrDefault(owner));

    /// <exception cref="KeyUsedException">The id has another claim.</exception>
    private void Claim(Guid id, Claim wanted)
    {
        _claims.TryAdd(id, wanted);
        if (!_claims[id].Admits(wanted))
            throw new KeyUsedException(id, _claims[id].Kind);
    }

    public Task<Chunk> AcceptAsync(ExplainImages request, TimeSpan visibilityTimeout, string? owner, CancellationToken cancellationToken)
    {
        _deleted.Remove(request.Owner);
        Claim(request.Owner, Pipeline.Stores.Claim.Of(request, owner));
        AddRequest(request, visibilityTimeout);
        return Task.FromResult(FindChunk(request.Owner, 0)!);
    }

    public Task<int> ForgetRequestsAsync(TimeSpan age, int limit, CancellationToken cancellationToken)
    {
        var old = _chunks.Values.Where(chunk => chunk.Done < Now - age && _direct.Contains(chunk.Owner)).ToList();
        old.ForEach(chunk => _chunks.Remove((chunk.Owner, chunk.Number)));
        return Task.FromResult(old.Count);
    }

    private readonly HashSet<Guid> _direct = [];

    public Task<LeaseAnswer> LeaseAsync(
        ExplainImages message,
        string worker,
        TimeSpan lease,
        bool redelivered,
        CancellationToken cancellationToken
    )
    {
        if (message.JobId is null && !_deleted.Contains(message.Owner))
        {
            var wanted = Pipeline.Stores.Claim.Of(message, owner: null);
            _claims.TryAdd(message.Owner, wanted);
            if (!_claims[message.Owner].Admits(wanted))
                return Task.FromResult(new LeaseAnswer(LeaseOutcome.KeyUsed, null, null));
            AddRequest(message, lease);
        }
        return Task.FromResult(Lease(message, worker, lease, redelivered));
    }

    private LeaseAnswer Lease(ExplainImages message, string worker, TimeSpan lease, bool redelivered)
    {
        if (FindChunk(message.Owner, message.Chunk) is not { } chunk)
            return new LeaseAnswer(LeaseOutcome.Gone, null, null);
        var job = StateOf(message.Owner);
        if (message.JobId is not null && message.Generation != chunk.Generation)
            return new LeaseAnswer(LeaseOutcome.Stale, null, chunk);
        if (chunk.State == ChunkState.Done)
            return new LeaseAnswer(LeaseOutcome.Done, null, chunk);
        if (job == JobState.Cancelled)
            return new LeaseAnswer(LeaseOutcome.Cancelled, null, chunk);
        if (message.PublishCount < chunk.PublishCount || chunk.State == ChunkState.Planned)
            return new LeaseAnswer(LeaseOutcome.Stale, null, chunk);
        if (chunk.State == ChunkState.Leased && !redelivered && chunk.Until > Now)
            return new LeaseAnswer(LeaseOutcome.Held, null, chunk);
        chunk = Crashed(chunk);
        if (job == JobState.Paused)
        {
            Put(chunk with { State = ChunkState.Planned, Worker = null, Until = null });
            return new LeaseAnswer(LeaseOutcome.Paused, null, FindChunk(chunk.Owner, chunk.Number));
        }
        Put(chunk with { State = ChunkState.Leased, Attempts = chunk.Attempts + 1, Worker = worker, Leased = Now, Until = Now + lease });
        return new LeaseAnswer(
            LeaseOutcome.Granted,
            new ChunkLease(chunk.Owner, chunk.Number, chunk.Attempts + 1, chunk.Generation),
            FindChunk(chunk.Owner, chunk.Number)
        );
    }

    public Task<bool> HeartbeatAsync(ChunkLease held, TimeSpan lease, CancellationToken cancellationToken)
    {
        if (Held(held) is not { } chunk)
            return Task.FromResult(false);
        Put(chunk with { Until = Now + lease });
        return Task.FromResult(true);
    }

    public Task<bool> ReleaseAsync(ChunkLease held, TimeSpan visibilityTimeout, bool faulted, CancellationToken cancellationToken)
    {
        if (Held(held) is not { } chunk)
            return Task.FromResult(false);
        foreach (
            var (key, (starts, attempt)) in _isolated
                .Where(pair => pair.Key.Owner == held.Owner && pair.Key.Chunk == held.Number && pair.Value.Attempt == held.Attempt)
                .ToList()
        )
        {
            _isolated[key] = (starts - 1, attempt);
            if (starts == 1)
                _isolated.Remove(key);
        }
        Put(
            chunk with
            {
                State = ChunkState.Published,
                Until = Now + visibilityTimeout,
                Worker = null,
                Faults = chunk.Faults + (faulted ? 1 : 0),
            }
        );
        return Task.FromResult(true);
    }

    public Task<int> BeginIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken)
    {
        if (Held(held) is null)
            return Task.FromResult(-1);
        var before = _isolated.GetValueOrDefault((held.Owner, held.Number, number)).Starts;
        _isolated[(held.Owner, held.Number, number)] = (before + 1, held.Attempt);
        return Task.FromResult(before);
    }

    public Task EndIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken)
    {
        if (Held(held) is not null)
            _isolated.Remove((held.Owner, held.Number, number));
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<SaveAnswer>>([.. chunks.Select(Save)]);

    private SaveAnswer Save(ChunkResult result)
    {
        SaveAnswer NotSaved(SaveOutcome outcome) => new(outcome, 0, 0, new JobProgress(), false);
        if (FindChunk(result.Lease.Owner, result.Lease.Number) is not { } chunk)
            return NotSaved(SaveOutcome.Gone);
        if (chunk.State == ChunkState.Done)
            return NotSaved(SaveOutcome.AlreadyDone) with { Progress = chunk.Sum! };
        if (Held(result.Lease) is null)
            return NotSaved(SaveOutcome.LeaseLost);
        var explanations = result.Explanations.Count(explanation =>
            _explanations.TryAdd(explanation.Id, new StoredEntry(explanation, Now))
        );
        if (result.Rows is { } rows)
            _rows.TryAdd((chunk.Owner, chunk.Number), rows);
        var items = 0;
        foreach (var item in result.Items.Where(item => _items.TryAdd((item.Job, item.Number), item)))
        {
            items++;
            if (result.Unread.Contains(item.Number))
                _unread.Add((item.Job, item.Number));
        }
        var progress = JobProgress.Of(result.Items.Select(item => _items[(item.Job, item.Number)]));
        Put(
            chunk with
            {
                State = ChunkState.Done,
                Done = Now,
                Until = null,
                References = [],
                Request = null,
                Sum = progress with { ChunksDone = 1 },
            }
        );
        foreach (var key in _isolated.Keys.Where(key => key.Owner == chunk.Owner && key.Chunk == chunk.Number).ToList())
            _isolated.Remove(key);
        if (!_jobs.TryGetValue(chunk.Owner, out var job))
            return new SaveAnswer(SaveOutcome.Saved, explanations, items, progress, false);
        job.Job = job.Job with { Progress = job.Job.Progress + progress };
        return new SaveAnswer(SaveOutcome.Saved, explanations, items, progress, TryComplete(job));
    }

    private Chunk? Held(ChunkLease held) =>
        _chunks.TryGetValue((held.Owner, held.Number), out var chunk)
        && chunk.State == ChunkState.Leased
        && chunk.Attempts == held.Attempt
        && chunk.Generation == held.Generation
            ? chunk
            : null;

    private void AddRequest(ExplainImages request, TimeSpan visibilityTimeout)
    {
        _direct.Add(request.Owner);
        _last[request.Owner] = request.References[^1].Uri;
        _chunks.TryAdd(
            (request.Owner, 0),
            new Chunk
            {
                Owner = request.Owner,
                Number = 0,
                Generation = ++_generations,
                Count = request.References.Count,
                References = request.References,
                Request = request,
                State = ChunkState.Published,
                PublishCount = request.PublishCount,
                Published = Now,
                Until = Now + visibilityTimeout,
            }
        );
    }

    private Chunk Publish(Chunk chunk, TimeSpan visibilityTimeout)
    {
        Put(
            chunk with
            {
                State = ChunkState.Published,
                PublishCount = chunk.PublishCount + 1,
                Published = Now,
                Until = Now + visibilityTimeout,
                Worker = null,
            }
        );
        return FindChunk(chunk.Owner, chunk.Number)!;
    }

    private static Chunk Crashed(Chunk chunk) =>
        chunk.State != ChunkState.Leased
            ? chunk
            : chunk with
            {
                Crashes = chunk.Crashes + 1,
                CrashNote = $"attempt {chunk.Attempts} by {chunk.Worker}, leased {chunk.Leased:u}, ended without a result",
            };

    private void Put(Chunk chunk) => _chunks[(chunk.Owner, chunk.Number)] = chunk with { Isolated = new Dictionary<int, int>() };
}
