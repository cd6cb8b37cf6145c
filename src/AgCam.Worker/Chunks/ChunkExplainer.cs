using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker.Engines;
using AgCam.Worker.Evaluations;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Chunks;

/// <summary>Lease, explain, save, tell, and only then let the message go.</summary>
internal sealed class ChunkExplainer(
    IStore store,
    IExplainBus bus,
    CompletionPublisher completionPublisher,
    EnginePool engines,
    ChunkComputation computation,
    ChunkEvaluation evaluation,
    ResultWriter results,
    Heartbeats heartbeats,
    StoreRetry storeRetry,
    Turns turns,
    WorkerOptions options,
    TimeProvider clock,
    IHostApplicationLifetime lifetime,
    ILogger<ChunkExplainer> log
) : IExplainHandler
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200),
        GivingBack = TimeSpan.FromSeconds(3);

    private readonly Drain _drain = new(lifetime.ApplicationStopping, TimeSpan.FromSeconds(options.DrainSeconds));

    /// <summary>Leases in a row that ended in an error nobody foresaw.</summary>
    private int _unleased;

    public async Task HandleAsync(ExplainImages message, bool redelivered, CancellationToken cancellationToken)
    {
        if (_drain.HasBegun || cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(Pause, CancellationToken.None); // until consuming has ended, what goes back may come here again at once
            throw GoesBack();
        }
        using var scope = log.BeginScope("job {Job} chunk {Chunk}", message.Owner, message.Chunk);
        await turns.EnterAsync();
        var (leave, inFlight) = ((Action)turns.Leave, 0);
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(_drain.Over, cancellationToken);
            if (await LeaseAsync(message, redelivered, stop.Token) is not { } granted)
                return;
            using var held = heartbeats.Keep(granted.Lease!);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, held.Lost);
            if (granted.Isolated)
            {
                leave = turns.LeaveExclusive;
                await turns.BecomeExclusiveAsync();
            }
            PipelineTelemetry.InFlight.Add(granted.Chunk!.Count);
            inFlight = granted.Chunk.Count;
            await ExplainAsync(
                granted.Chunk.Request ?? message with { References = granted.Chunk.References },
                held,
                granted.Chunk.Faults,
                granted.Isolated ? granted.Chunk.Isolated : null,
                ended.Token
            );
        }
        finally
        {
            if (inFlight > 0)
                PipelineTelemetry.InFlight.Add(-inFlight);
            leave();
        }
    }

    /// <summary>
    /// What the broker gives out again is with a dead worker, or with one (ourselves, perhaps) whose connection broke and who is about
    /// to give it back unharmed: only if that does not come
    /// does the lease count as a dead one's.
    /// </summary>
    private async Task<LeaseAnswer> TryLeaseAsync(ExplainImages message, bool redelivered, CancellationToken cancellationToken)
    {
        Task<LeaseAnswer> AskAsync(bool fromTheDead) =>
            storeRetry.CallAsync(
                cancellationToken => store.Chunks.LeaseAsync(message, options.Name, options.Lease, fromTheDead, cancellationToken),
                cancellationToken
            );

        var answer = await AskAsync(false);
        if (!redelivered)
            return answer;
        for (
            var startedAt = TimeProvider.System.GetTimestamp();
            answer.Outcome == LeaseOutcome.Held && TimeProvider.System.GetElapsedTime(startedAt) < GivingBack;
            answer = await AskAsync(false)
        )
            await Task.Delay(Pause, cancellationToken);
        return answer.Outcome == LeaseOutcome.Held && !heartbeats.Holds(message.Owner, message.Chunk) ? await AskAsync(true) : answer;
    }

    private RequeueException GoesBack() => new(_drain.HasBegun ? "The worker is stopping." : "The connection to the broker broke.");

    private async Task<LeaseAnswer?> LeaseAsync(ExplainImages message, bool redelivered, CancellationToken cancellationToken)
    {
        Chunk? done;
        try
        {
            var answer = await TryLeaseAsync(message, redelivered, cancellationToken);
            Volatile.Write(ref _unleased, 0);
            if (answer.Outcome == LeaseOutcome.Granted)
                return answer;
            if (answer.Outcome == LeaseOutcome.KeyUsed)
                throw new InvalidMessageException([
                    new FieldProblem("key", $"\"{message.Key}\" was used for a job or for another request: take a new one"),
                ]);
            log.LogDebug("Chunk {Chunk} of {Owner} is not for us: {Outcome}", message.Chunk, message.Owner, answer.Outcome);
            done = answer.Outcome == LeaseOutcome.Done ? answer.Chunk : null;
        }
        catch (InvalidMessageException)
        {
            throw; // it is put aside with the reason
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new RequeueException($"No lease: {e.Message}", e);
        }
        catch (Exception e)
        {
            await UnknownToStoreAsync(message, e, cancellationToken);
            return null;
        }
        if (done is not null) // who stored it may have died before it was told, or somebody sends the same key again and waits
            await PublishAsync(message, done.Sum ?? new JobProgress());
        return null;
    }

    /// <summary>
    /// The store let no lease be had. A job's chunk stands in it, so its message goes back. A request may stand nowhere but in the
    /// message, and the broker counts how often it gives one out: so that
    /// no outage outlasts the request, it is sent as a new message before this one is let go.
    /// </summary>
    /// <exception cref="RequeueException">The message goes back.</exception>
    private async Task UnknownToStoreAsync(ExplainImages message, Exception why, CancellationToken cancellationToken)
    {
        log.LogError(why, "Chunk {Chunk} of {Owner} cannot be leased", message.Chunk, message.Owner);
        // A store that is away has been waited for
        await PauseAsync(why is StoreUnavailableException ? 0 : Interlocked.Increment(ref _unleased) - 1, cancellationToken);
        if (message.JobId is not null || cancellationToken.IsCancellationRequested)
            throw new RequeueException($"No lease: {why.Message}", why);
        try
        {
            await bus.PublishAsync(message, cancellationToken);
        }
        catch (Exception e) when (e is BusException or OperationCanceledException)
        {
            throw new RequeueException($"No lease: {why.Message}", why);
        }
        log.LogWarning("Request {Owner} was sent again: {Reason}", message.Owner, why.Message);
    }

    /// <summary>What failed will be here again at once.</summary>
    /// <param name="before">How often it had failed before.</param>
    private static Task PauseAsync(int before, CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromSeconds(Math.Min(30, 1 << Math.Min(before, 5))), cancellationToken)
            .ContinueWith(_ => { }, TaskScheduler.Default);

    /// <param name="alone">When it is computed image by image: how often each was begun without coming back.</param>
    private async Task ExplainAsync(
        ExplainImages request,
        HeldLease held,
        int faults,
        IReadOnlyDictionary<int, int>? alone,
        CancellationToken ended
    )
    {
        try
        {
            var startedAt = TimeProvider.System.GetTimestamp();
            if (await ComputeAsync(request, held.Lease, alone, ended) is not { } result)
                return;
            var saved = await SaveAsync(result, request.Lane);
            PipelineTelemetry.ChunkSeconds.Record(
                TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds,
                new("lane", request.Lane),
                new("alone", alone is not null)
            );
            Count(result, saved);
            log.LogDebug(
                "{Outcome}: {Completed} completed, {Failed} failed",
                saved.Outcome,
                saved.Progress.Completed,
                saved.Progress.Failed
            );
            await PublishAsync(request, saved);
        }
        catch (RequestException e) when (request.JobId is { } job)
        {
            log.LogError("Job {Job} is paused: {Reason}", job, e.Message);
            await storeRetry.CallAsync(
                cancellationToken => store.Jobs.PauseAsync(job, $"{e.Reason}: {e.Message}", cancellationToken),
                ended
            );
            await ReleaseAsync(held, TimeSpan.Zero); // the sweeper finds it and plans it again
        }
        catch (OperationCanceledException) when (held.Lost.IsCancellationRequested)
        {
            log.LogWarning("Chunk {Chunk} of {Owner} has gone to another worker", request.Chunk, request.Owner);
        }
        catch (OperationCanceledException)
        {
            await ReleaseAsync(held, options.Lease);
            throw GoesBack();
        }
        catch (Exception e) when (e is not RequeueException)
        {
            var faulted = e is not (StoreUnavailableException or StoreSchemaException);
            if (faulted && faults + 1 >= options.MaxFaults && await GiveUpAsync(request, held.Lease, faults + 1, e))
                return;
            log.LogError(e, "Chunk {Chunk} of {Owner} goes back", request.Chunk, request.Owner);
            await ReleaseAsync(held, options.Lease, faulted);
            await PauseAsync(faulted ? faults : 0, ended);
            throw new RequeueException(e.Message, e);
        }
    }

    /// <summary>
    /// What fails for ever must not be tried for ever: its images end as Failed, and a retry of the job's failures tries them again.
    /// </summary>
    /// <returns>False when not even that could be stored.</returns>
    private async Task<bool> GiveUpAsync(ExplainImages request, ChunkLease lease, int faults, Exception last)
    {
        try
        {
            log.LogError(last, "Chunk {Chunk} of {Owner} is given up", request.Chunk, request.Owner);
            var why = $"The chunk failed {faults} times, the last time so: {last.Message}";
            var result = IsEvaluation(request)
                ? evaluation.Failed(request, lease, WorkerFailure.GivenUp, why)
                : computation.Failed(request, lease, WorkerFailure.GivenUp, why);
            var saved = await SaveAsync(result, request.Lane);
            Count(result, saved);
            await PublishAsync(request, saved);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException and not RequeueException)
        {
            log.LogError(e, "Chunk {Chunk} of {Owner} could not be given up", request.Chunk, request.Owner);
            return false;
        }
    }

    private async Task<SaveAnswer> SaveAsync(ChunkResult result, Lane lane)
    {
        using var activity = PipelineTelemetry.Activities.StartActivity("store");
        var saved = await results.SaveAsync(result, lane);
        activity?.SetTag("agcam.outcome", saved.Outcome);
        return saved;
    }

    /// <summary>Only the attempt that was stored counts, so that no image counts twice.</summary>
    private static void Count(ChunkResult result, SaveAnswer saved)
    {
        if (saved.Outcome != SaveOutcome.Saved || !PipelineTelemetry.Images.Enabled)
            return;
        if (saved.Progress.Completed > 0)
            PipelineTelemetry.Images.Add(saved.Progress.Completed, new KeyValuePair<string, object?>("outcome", "completed"));
        foreach (var failed in result.Items.Where(item => item.Status == ItemStatus.Failed).CountBy(item => item.Reason ?? "unknown"))
            PipelineTelemetry.Images.Add(failed.Value, new("outcome", "failed"), new("reason", failed.Key));
    }

    private async Task<ChunkResult?> ComputeAsync(
        ExplainImages request,
        ChunkLease lease,
        IReadOnlyDictionary<int, int>? alone,
        CancellationToken ended
    )
    {
        try
        {
            if (IsEvaluation(request))
                return await evaluation.ComputeAsync(request, lease, alone, ended);
            using var use = await engines.EngineForAsync(request, ended);
            var plan = Planning.PlanOf(request, use.Engine);
            return alone is not null
                ? await computation.ComputeIsolatedAsync(request, lease, alone, plan, ended)
                : await computation.ComputeAsync(request, lease, plan, ended);
        }
        catch (RequestException e) when (request.JobId is null)
        {
            return computation.Failed(request, lease, e.Reason, e.Message); // nobody could resume it
        }
    }

    private static bool IsEvaluation(ExplainImages request) => request is { Method: EvaluationSpec.Method, JobId: not null };

    private async Task PublishAsync(ExplainImages request, SaveAnswer saved)
    {
        if (saved.Outcome is not (SaveOutcome.Saved or SaveOutcome.AlreadyDone))
            return;
        await PublishAsync(request, saved.Progress);
        if (!saved.JobCompleted || request.JobId is not { } id)
            return;
        try
        {
            await completionPublisher.PublishAsync(id, options.Name);
        }
        catch (Exception e) // the sweeper tells of it
        {
            log.LogWarning("It could not be told that job {Job} is completed: {Reason}", id, e.Message);
        }
    }

    /// <param name="sum">Of the chunk, as stored.</param>
    /// <exception cref="RequeueException">It could not be told: whoever gets the message next finds the chunk done, and tells.</exception>
    private async Task PublishAsync(ExplainImages request, JobProgress sum)
    {
        try
        {
            await bus.PublishEventAsync(
                new ChunkExplained
                {
                    Key = request.Key,
                    JobId = request.JobId,
                    Owner = request.Owner,
                    Chunk = request.Chunk,
                    Completed = sum.Completed,
                    Failed = sum.Failed,
                    At = clock.Now(),
                }
            );
        }
        catch (BusException e)
        {
            log.LogWarning(
                "It could not be told that chunk {Chunk} of {Owner} is explained: {Reason}",
                request.Chunk,
                request.Owner,
                e.Message
            );
            throw new RequeueException(e.Message, e);
        }
    }

    private async Task ReleaseAsync(HeldLease held, TimeSpan visibilityTimeout, bool faulted = false)
    {
        try
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            await store.Chunks.ReleaseAsync(held.Lease, visibilityTimeout, faulted, soon.Token);
        }
        catch (Exception e) // then its lease runs out
        {
            log.LogWarning("Chunk {Chunk} of {Owner} could not be released: {Reason}", held.Lease.Number, held.Lease.Owner, e.Message);
        }
    }
}
