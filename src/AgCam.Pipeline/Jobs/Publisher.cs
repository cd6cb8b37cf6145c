using System.Collections.Concurrent;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Telemetry;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Keeps a window of chunks in the broker, shared by the running jobs by weight. A short job behind a long one gets its share
/// at once, and a cancelled job leaves few messages.
/// </summary>
internal sealed class Publisher(IStore store, IExplainBus bus, PipelineOptions options, ILogger<Publisher> log)
{
    private readonly Dictionary<Guid, (int Number, bool Looked)> _lastTaken = [];
    private double _window = options.MinWindow;

    /// <summary>Window of all jobs together, in chunks; see <see cref="FollowQueueAsync"/>.</summary>
    public int Window => (int)_window;

    /// <returns>Number of published chunks.</returns>
    public async Task<int> PublishAsync(IReadOnlyList<Job> running, CancellationToken cancellationToken)
    {
        await FollowQueueAsync(running, cancellationToken);
        var weights = running.Sum(job => Math.Max(1, job.Spec.Weight));
        var published = 0;
        foreach (var job in running.OrderBy(job => job.Created))
        {
            var share = (int)Math.Max(1, Math.Round(_window * Math.Max(1, job.Spec.Weight) / weights));
            var taken = await store.Chunks.ClaimPlannedAsync(job.Id, share, options.VisibilityTimeout, cancellationToken);
            if (taken.Count == 0)
                continue;
            _lastTaken[job.Id] = (taken[^1].Number, false);
            published += await PublishAsync(taken, job.Spec, cancellationToken);
        }
        return published;
    }

    /// <summary>
    /// Publishes claimed chunks. A chunk that fails is requeued when its visibility timeout expires, and does not delay the others.
    /// A chunk whose message breaks a rule pauses its job.
    /// </summary>
    public async Task<int> PublishAsync(IReadOnlyList<Chunk> chunks, JobSpec? spec, CancellationToken cancellationToken)
    {
        var (published, never) = (0, new ConcurrentQueue<(Chunk Chunk, InvalidMessageException Why)>());
        await Parallel.ForEachAsync(
            chunks,
            new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancellationToken },
            async (chunk, cancellationToken) =>
            {
                try
                {
                    using var activity = JobTrace.Publish(chunk, spec);
                    await bus.PublishAsync(ExplainMessage.Of(chunk, spec), cancellationToken);
                    Interlocked.Increment(ref published);
                }
                catch (InvalidMessageException e)
                {
                    never.Enqueue((chunk, e));
                }
                catch (Exception e) when (!cancellationToken.IsCancellationRequested)
                {
                    log.LogWarning(
                        "Could not publish chunk {Chunk} of {Owner}, will retry: {Reason}",
                        chunk.Number,
                        chunk.Owner,
                        e.Message
                    );
                }
            }
        );
        foreach (var (chunk, why) in never.OrderBy(item => item.Chunk.Number).DistinctBy(item => item.Chunk.Owner))
            await RefuseAsync(chunk, why, cancellationToken);
        return published;
    }

    private async Task RefuseAsync(Chunk chunk, InvalidMessageException why, CancellationToken cancellationToken)
    {
        log.LogError("Chunk {Chunk} of {Owner} cannot be published: {Reason}", chunk.Number, chunk.Owner, why.Message);
        if (chunk.Request is null)
            await store.Jobs.PauseAsync(
                chunk.Owner,
                PauseCode.Reason(
                    PauseCode.InvalidChunk,
                    $"chunk {chunk.Number} cannot be given to a worker. {why.Message} Correct the source and submit it as a new job."
                ),
                cancellationToken
            );
    }

    /// <summary>
    /// Adapts the window to the wait in the queue. It grows when a chunk was leased at once, since workers wait for chunks.
    /// It shrinks when a chunk waited long, since the next job would wait behind it.
    /// </summary>
    private async Task FollowQueueAsync(IReadOnlyList<Job> running, CancellationToken cancellationToken)
    {
        foreach (var gone in _lastTaken.Keys.Except(running.Select(job => job.Id)).ToList())
            _lastTaken.Remove(gone);
        foreach (var (job, (number, looked)) in _lastTaken.ToList())
        {
            if (
                looked
                || await store.Chunks.FindAsync(job, number, cancellationToken) is not { Leased: { } leased, Published: { } published }
            )
                continue;
            _lastTaken[job] = (number, true);
            _window = Math.Clamp(_window * Factor(leased - published), options.MinWindow, options.MaxWindow);
        }
    }

    private static double Factor(TimeSpan wait) =>
        wait.TotalSeconds switch
        {
            < 0.25 => 1.5,
            < 1 => 1,
            _ => 0.75,
        };
}
