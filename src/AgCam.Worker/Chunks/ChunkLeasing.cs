using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Chunks;

/// <summary>Leases the chunk of a message.</summary>
internal sealed class ChunkLeasing(
    IStore store,
    IExplainBus bus,
    Heartbeats heartbeats,
    StoreRetry storeRetry,
    WorkerOptions options,
    ILogger<ChunkLeasing> log
)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>Maximum time that the previous consumer of a redelivered message takes to release its lease.</summary>
    private static readonly TimeSpan ReleaseTime = TimeSpan.FromSeconds(3);

    /// <summary>Consecutive leases that ended in an unexpected error.</summary>
    private int _unexpectedFailures;

    /// <returns>The store's answer; null when the request was published again because no lease could be acquired.</returns>
    /// <exception cref="RequeueException">No lease could be acquired.</exception>
    /// <exception cref="InvalidMessageException">The request's key is a job's, or another request's.</exception>
    public async Task<LeaseAnswer?> LeaseAsync(ExplainImages message, bool redelivered, CancellationToken cancellationToken)
    {
        LeaseAnswer answer;
        try
        {
            answer = await TryLeaseAsync(message, redelivered, cancellationToken);
            Volatile.Write(ref _unexpectedFailures, 0);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new RequeueException($"No lease: {e.Message}", e);
        }
        catch (Exception e)
        {
            await PublishAgainAsync(message, e, cancellationToken);
            return null;
        }
        if (answer.Outcome == LeaseOutcome.KeyUsed)
            throw new InvalidMessageException([
                new FieldProblem("key", $"\"{message.Key}\" was used for a job or for another request: take a new one"),
            ]);
        if (answer.Outcome != LeaseOutcome.Granted)
            log.LogDebug("Skipped chunk {Chunk} of {Owner}: {Outcome}", message.Chunk, message.Owner, answer.Outcome);
        return answer;
    }

    /// <summary>
    /// A redelivered message had a consumer that died, or that lost its connection and is about to release the chunk.
    /// The lease is taken from it only after it had time to release.
    /// </summary>
    private async Task<LeaseAnswer> TryLeaseAsync(ExplainImages message, bool redelivered, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(takeOver: false);
        if (!redelivered)
            return answer;
        var startedAt = TimeProvider.System.GetTimestamp();
        while (answer.Outcome == LeaseOutcome.Held && TimeProvider.System.GetElapsedTime(startedAt) < ReleaseTime)
        {
            await Task.Delay(PollInterval, cancellationToken);
            answer = await AskAsync(takeOver: false);
        }
        var isOfDeadWorker = answer.Outcome == LeaseOutcome.Held && !heartbeats.Holds(message.Owner, message.Chunk);
        return isOfDeadWorker ? await AskAsync(takeOver: true) : answer;

        Task<LeaseAnswer> AskAsync(bool takeOver) =>
            storeRetry.CallAsync(
                cancellationToken => store.Chunks.LeaseAsync(message, options.Name, options.Lease, takeOver, cancellationToken),
                cancellationToken
            );
    }

    /// <summary>
    /// A job's chunk is in the store, so its message is requeued. A request may exist only as its message, and the broker limits
    /// redeliveries: it is published as a new message, so that it survives any outage.
    /// </summary>
    /// <exception cref="RequeueException">The message is requeued.</exception>
    private async Task PublishAgainAsync(ExplainImages message, Exception failure, CancellationToken cancellationToken)
    {
        log.LogError(failure, "Could not lease chunk {Chunk} of {Owner}", message.Chunk, message.Owner);
        // StoreRetry has already waited for an unavailable store.
        var failures = failure is StoreUnavailableException ? 0 : Interlocked.Increment(ref _unexpectedFailures) - 1;
        await Backoff.DelayAsync(failures, cancellationToken);
        if (message.JobId is not null || cancellationToken.IsCancellationRequested)
            throw new RequeueException($"No lease: {failure.Message}", failure);
        try
        {
            await bus.PublishAsync(message, cancellationToken);
        }
        catch (Exception e) when (e is BusException or OperationCanceledException)
        {
            throw new RequeueException($"No lease: {failure.Message}", failure);
        }
        log.LogWarning("Published request {Owner} again: {Reason}", message.Owner, failure.Message);
    }
}
