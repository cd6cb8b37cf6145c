using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Jobs;

/// <summary>Requeues the chunks of dead processes and publishes missed completions. Several processes may sweep at once.</summary>
internal sealed class Sweeper(
    IStore store,
    CompletionPublisher completionPublisher,
    Publisher publisher,
    PipelineOptions options,
    TimeProvider clock,
    ILogger<Sweeper> log
)
{
    private const int Limit = 100;

    private readonly string _notifier = $"sweeper {Guid.NewGuid():N}";

    /// <summary>True until the first sweep with a bus in memory: messages of the process before are lost.</summary>
    private bool _all = options.IsInMemory;

    /// <summary>
    /// Requeues chunks whose lease or visibility timeout expired. With a bus in memory the first sweep requeues all published chunks.
    /// </summary>
    public async Task RequeueExpiredAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<Chunk> taken;
        do
        {
            taken = await store.Chunks.RequeueExpiredAsync(options.VisibilityTimeout, Limit, _all, cancellationToken);
            _all = false; // set at once: later leases belong to this process
            foreach (var chunks in taken.GroupBy(chunk => chunk.Request is null ? chunk.Owner : Guid.Empty))
                await PublishAsync(chunks.Key, [.. chunks], cancellationToken);
        } while (taken.Count == Limit);
    }

    /// <summary>Publishes requeued chunks. Those that fail are requeued again when their visibility timeout expires.</summary>
    /// <param name="job">Job of the chunks; null for requests.</param>
    private async Task PublishAsync(Guid job, IReadOnlyList<Chunk> chunks, CancellationToken cancellationToken)
    {
        try
        {
            if (job == Guid.Empty)
                await publisher.PublishAsync(chunks, null, cancellationToken);
            else if (await store.Jobs.FindAsync(job, cancellationToken) is { } found)
                await publisher.PublishAsync(chunks, found.Spec, cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            log.LogWarning("Could not publish {Chunks} chunks of {Owner}, will retry: {Reason}", chunks.Count, job, e.Message);
        }
    }

    /// <summary>Publishes completions that no process published.</summary>
    public async Task PublishCompletionsAsync(CancellationToken cancellationToken)
    {
        foreach (var job in await store.Jobs.PendingNotificationsAsync(10 * Limit, cancellationToken))
        {
            if (job.EventPublished)
                continue; // its webhook is pending
            if (clock.Now() - job.Finished < TimeSpan.FromSeconds(5))
                continue; // the worker that completed it is about to publish
            await completionPublisher.PublishAsync(job.Id, _notifier, cancellationToken);
        }
    }
}
