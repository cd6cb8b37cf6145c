using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Jobs;

/// <summary>Puts right what dead processes left behind. Any number of processes may sweep at the same time.</summary>
internal sealed class Sweeper(IStore store, JobTeller jobTeller, Publisher publisher, PipelineOptions options, TimeProvider clock, ILogger<Sweeper> log)
{
    private const int Limit = 100;

    private readonly string _teller = $"sweeper {Guid.NewGuid():N}";

    /// <summary>Until it has been taken back once: what the bus of the process before held is gone, whatever its time.</summary>
    private bool _all = options.IsInMemory;

    /// <summary>Publishes again what a dead worker held or a broker forgot; with a bus in memory, the first time, everything that the process before had published.</summary>
    public async Task RetakeAsync(CancellationToken cancel)
    {
        IReadOnlyList<Chunk> taken;
        do
        {
            taken = await store.Chunks.RetakeAsync(options.Trust, Limit, _all, cancel);
            _all = false; // at once: what is leased from here on is leased by this very process
            foreach (var chunks in taken.GroupBy(chunk => chunk.Request is null ? chunk.Owner : Guid.Empty))
                await PublishAsync(chunks.Key, [.. chunks], cancel);
        }
        while (taken.Count == Limit);
    }

    /// <summary>What cannot be published now is taken again when its time is over; the chunks of other jobs do not wait for that.</summary>
    /// <param name="job">None for requests.</param>
    private async Task PublishAsync(Guid job, IReadOnlyList<Chunk> chunks, CancellationToken cancel)
    {
        try
        {
            if (job == Guid.Empty)
                await publisher.PublishAsync(chunks, null, cancel);
            else if (await store.Jobs.FindAsync(job, cancel) is { } found)
                await publisher.PublishAsync(chunks, found.Spec, cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            log.LogWarning("{Chunks} chunks of {Owner} are published again later: {Reason}", chunks.Count, job, e.Message);
        }
    }

    /// <summary>Jobs that ended while nobody could tell.</summary>
    public async Task TellAsync(CancellationToken cancel)
    {
        foreach (var job in await store.Jobs.UntoldAsync(10 * Limit, cancel))
        {
            if (job.Announced)
                continue; // its webhook is still to take it
            if (clock.Now() - job.Finished < TimeSpan.FromSeconds(5))
                continue; // the worker that completed it is about to
            await jobTeller.AnnounceAsync(job.Id, _teller, cancel);
        }
    }
}
