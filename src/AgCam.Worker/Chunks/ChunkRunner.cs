using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker.Engines;
using AgCam.Worker.Evaluations;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Chunks;

/// <summary>A leased chunk that is about to be computed.</summary>
/// <param name="Faults">Earlier attempts that ended in an unexpected error.</param>
/// <param name="Isolated">Images of an isolated chunk, each with its number of starts that did not return. Null for any other
/// chunk.</param>
internal sealed record ChunkRun(ExplainImages Request, HeldLease Held, int Faults, IReadOnlyDictionary<int, int>? Isolated)
{
    public ChunkLease Lease => Held.Lease;

    public bool IsEvaluation => Request is { Method: EvaluationSpec.Method, JobId: not null };
}

/// <summary>Computes a leased chunk and saves its result. What cannot be saved is released.</summary>
internal sealed class ChunkRunner(
    IStore store,
    EnginePool engines,
    ChunkComputation computation,
    ChunkEvaluation evaluation,
    ResultWriter results,
    StoreRetry storeRetry,
    WorkerOptions options,
    ILogger<ChunkRunner> log
)
{
    private static readonly TimeSpan ReleaseTimeout = TimeSpan.FromSeconds(5);

    /// <param name="ended">Cancelled when the worker stops or the lease is lost.</param>
    /// <returns>Null when nothing was saved and the message needs no more: the lease was lost, or the job was paused.</returns>
    /// <exception cref="RequeueException">The attempt failed; the chunk was released.</exception>
    /// <exception cref="OperationCanceledException">The worker stops; the chunk was released.</exception>
    public async Task<SaveAnswer?> RunAsync(ChunkRun run, CancellationToken ended)
    {
        try
        {
            return await ComputeAndSaveAsync(run, ended);
        }
        catch (OperationCanceledException) when (run.Held.Lost.IsCancellationRequested)
        {
            log.LogWarning("Lost the lease of chunk {Chunk} of {Owner}", run.Request.Chunk, run.Request.Owner);
            return null;
        }
        catch (OperationCanceledException)
        {
            await ReleaseAsync(run, options.Lease);
            throw;
        }
        catch (Exception e)
        {
            return await GiveUpOrRequeueAsync(run, e, ended);
        }
    }

    private async Task<SaveAnswer?> ComputeAndSaveAsync(ChunkRun run, CancellationToken ended)
    {
        try
        {
            var startedAt = TimeProvider.System.GetTimestamp();
            if (await ComputeAsync(run, ended) is not { } result)
                return null;
            var saved = await SaveAsync(result, run.Request.Lane);
            PipelineTelemetry.ChunkSeconds.Record(
                TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds,
                new("lane", run.Request.Lane),
                new("isolated", run.Isolated is not null)
            );
            log.LogDebug(
                "{Outcome}: {Completed} completed, {Failed} failed",
                saved.Outcome,
                saved.Progress.Completed,
                saved.Progress.Failed
            );
            return saved;
        }
        catch (RequestException e) when (run.Request.JobId is { } job)
        {
            log.LogError("Paused job {Job}: {Reason}", job, e.Message);
            await storeRetry.CallAsync(
                cancellationToken => store.Jobs.PauseAsync(job, $"{e.Reason}: {e.Message}", cancellationToken),
                ended
            );
            await ReleaseAsync(run, TimeSpan.Zero); // the sweeper returns it to Planned at once
            return null;
        }
    }

    private async Task<ChunkResult?> ComputeAsync(ChunkRun run, CancellationToken ended)
    {
        var (request, lease) = (run.Request, run.Lease);
        try
        {
            if (run.IsEvaluation)
                return await evaluation.ComputeAsync(request, lease, run.Isolated, ended);
            var method = Planning.MethodOf(request);
            using var use = await engines.ModelAsync(request.Model, request.Dtype, ended);
            var plan = Planning.PlanOf(request, method, use.Engine);
            return run.Isolated is { } starts
                ? await computation.ComputeIsolatedAsync(request, lease, starts, plan, ended)
                : await computation.ComputeAsync(request, lease, plan, ended);
        }
        catch (RequestException e) when (request.JobId is null)
        {
            return computation.Failed(request, lease, e.Reason, e.Message); // a request cannot be paused and resumed
        }
    }

    /// <exception cref="RequeueException">Another attempt is made.</exception>
    private async Task<SaveAnswer> GiveUpOrRequeueAsync(ChunkRun run, Exception failure, CancellationToken ended)
    {
        var request = run.Request;
        var isFault = failure is not (StoreUnavailableException or StoreSchemaException);
        if (isFault && run.Faults + 1 >= options.MaxFaults && await GiveUpAsync(run, failure) is { } saved)
            return saved;
        log.LogError(failure, "Requeued chunk {Chunk} of {Owner}", request.Chunk, request.Owner);
        await ReleaseAsync(run, options.Lease, isFault);
        await Backoff.DelayAsync(isFault ? run.Faults : 0, ended);
        throw new RequeueException(failure.Message, failure);
    }

    /// <summary>Ends the chunk's images as Failed. A retry of the job's failures computes them again.</summary>
    /// <returns>Null when that could not be stored.</returns>
    private async Task<SaveAnswer?> GiveUpAsync(ChunkRun run, Exception failure)
    {
        var (request, lease) = (run.Request, run.Lease);
        try
        {
            log.LogError(failure, "Gave up chunk {Chunk} of {Owner}", request.Chunk, request.Owner);
            var detail = $"The chunk failed {run.Faults + 1} times. The last error was: {failure.Message}";
            var result = run.IsEvaluation
                ? evaluation.Failed(request, lease, WorkerFailure.GivenUp, detail)
                : computation.Failed(request, lease, WorkerFailure.GivenUp, detail);
            return await SaveAsync(result, request.Lane);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.LogError(e, "Could not give up chunk {Chunk} of {Owner}", request.Chunk, request.Owner);
            return null;
        }
    }

    private async Task<SaveAnswer> SaveAsync(ChunkResult result, Lane lane)
    {
        using var activity = PipelineTelemetry.Activities.StartActivity("store");
        var saved = await results.SaveAsync(result, lane);
        activity?.SetTag("agcam.outcome", saved.Outcome);
        Count(result, saved);
        return saved;
    }

    /// <summary>Counts only the attempt that was stored, so that no image counts twice.</summary>
    private static void Count(ChunkResult result, SaveAnswer saved)
    {
        if (saved.Outcome != SaveOutcome.Saved || !PipelineTelemetry.Images.Enabled)
            return;
        if (saved.Progress.Completed > 0)
            PipelineTelemetry.Images.Add(saved.Progress.Completed, new KeyValuePair<string, object?>("outcome", "completed"));
        foreach (var failed in result.Items.Where(item => item.Status == ItemStatus.Failed).CountBy(item => item.Reason ?? "unknown"))
            PipelineTelemetry.Images.Add(failed.Value, new("outcome", "failed"), new("reason", failed.Key));
    }

    private async Task ReleaseAsync(ChunkRun run, TimeSpan visibilityTimeout, bool isFault = false)
    {
        try
        {
            using var timeout = new CancellationTokenSource(ReleaseTimeout);
            await store.Chunks.ReleaseAsync(run.Lease, visibilityTimeout, isFault, timeout.Token);
        }
        catch (Exception e) // the lease expires instead
        {
            log.LogWarning("Could not release chunk {Chunk} of {Owner}: {Reason}", run.Lease.Number, run.Lease.Owner, e.Message);
        }
    }
}
