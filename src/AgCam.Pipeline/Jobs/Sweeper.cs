using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>Puts right what dead processes left behind. Any number of processes may sweep at the same time.</summary>
internal sealed class Sweeper(IStore store, IExplainBus bus, Publisher publisher, PipelineOptions options, TimeProvider clock)
{
    private const int Limit = 100;

    private readonly string _teller = $"sweeper {Guid.NewGuid():N}";

    /// <summary>Publishes again what a dead worker held or a broker forgot.</summary>
    /// <param name="all">Everything that was published, whatever its time: at the start of a process whose bus lived in the process before.</param>
    public async Task RetakeAsync(bool all, CancellationToken cancel)
    {
        IReadOnlyList<Chunk> taken;
        do
        {
            taken = await store.Chunks.RetakeAsync(options.Trust, Limit, all, cancel);
            foreach (var chunks in taken.GroupBy(chunk => chunk.Request is null ? chunk.Owner : Guid.Empty))
                if (chunks.Key == Guid.Empty)
                    await publisher.PublishAsync([.. chunks], null, cancel);
                else if (await store.Jobs.FindAsync(chunks.Key, cancel) is { } job)
                    await publisher.PublishAsync([.. chunks], job.Spec, cancel);
        }
        while (!all && taken.Count == Limit);
    }

    /// <summary>Jobs that ended while nobody could tell.</summary>
    public async Task TellAsync(CancellationToken cancel)
    {
        foreach (var job in await store.Jobs.UntoldAsync(10 * Limit, cancel))
        {
            if (job.Spec.Webhook is not null)
                continue; // it stays untold until its receiver has taken it
            if (clock.Now() - job.Finished < TimeSpan.FromSeconds(5))
                continue; // the worker that completed it is about to
            if (!await store.Jobs.HoldTellingAsync(job.Id, _teller, JobTelling.Lease, cancel))
                continue; // another process is telling it, or has
            await bus.TellAsync(new JobCompleted { JobId = job.Id, Progress = job.Progress, At = clock.Now() }, cancel);
            await store.Jobs.MarkToldAsync(job.Id, cancel);
        }
    }
}
