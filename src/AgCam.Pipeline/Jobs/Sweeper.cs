using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Jobs;

/// <summary>Puts right what dead processes left behind. Any number of processes may sweep at the same time.</summary>
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

    private readonly string _teller = $"sweeper {Guid.NewGuid():N}";

    /// <summary>Until it has been taken back once: what the bus of the process before held is gone, whatever its time.</summary>
    private bool _all = options.IsInMemory;

    /// <summary>
    /// Publishes again what a dead worker held or a broker forgot; with a bus in memory, the first time, everything that the process
    /// before had published.
    /// </summary>
    public async Task RetakeAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<Chunk> taken;
        do
        {
            taken = await store.Chunks.RequeueExpiredAsync(options.VisibilityTimeout, Limit, _all, cancellationToken);
            _all = false; // at once: what is leased from here on is leased by this very process
            foreach (var chunks in taken.GroupBy(chunk => chunk.Request is null ? chunk.Owner : Guid.Empty))
                await PublishAsync(chunks.Key, [.. chunks], cancellationToken);
        } while (taken.Count == Limit);
    }

    /// <summary>What cannot be published now is taken again when its time is over; the chunks of other jobs do not wait for that.</summary>
    /// <param name="job">None for requests.</param>
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
            log.LogWarning("{Chunks} chunks of {Owner} are published again later: {Reason}", chunks.Count, job, e.Message);
        }
    }

    /// <summary>Jobs that ended while nobody could tell.</summary>
    public async Task PublishCompletionsAsync(CancellationToken cancellationToken)
    {
        foreach (var job in await store.Jobs.PendingNotificationsAsync(10 * Limit, cancellationToken))
        {
            if (job.EventPublished)
                continue; // its webhook is still to take it
            if (clock.Now() - job.Finished < TimeSpan.FromSeconds(5))
                continue; // the worker that completed it is about to
            await completionPublisher.PublishAsync(job.Id, _teller, cancellationToken);
        }
    }
}
