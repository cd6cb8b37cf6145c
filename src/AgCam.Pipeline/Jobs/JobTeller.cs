using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>Tells the bus that a job has completed: once, however many workers and replicas try, but for one that dies between telling and its mark.</summary>
public sealed class JobTeller(IStore store, IExplainBus bus, TimeProvider clock)
{
    /// <summary>Longer than a bus takes to confirm what it is told, tries and all; after it the teller counts as dead.</summary>
    private static readonly TimeSpan s_confirmed = TimeSpan.FromMinutes(2);

    /// <summary>Unless another tells it, or has: a job without a webhook is told with that, one with a webhook is left to who calls it.</summary>
    /// <param name="teller">Names the caller, and no other.</param>
    public async Task AnnounceAsync(Guid id, string teller, CancellationToken cancel = default)
    {
        if (await HoldAsync(id, teller, TimeSpan.Zero, cancel) is not { } job)
            return;
        if (job.Spec.Webhook is null)
            await store.Jobs.MarkToldAsync(id, cancel);
        else
            await LetGoAsync(id, teller, cancel);
    }

    /// <summary>Takes the right to tell for as long as calling a webhook takes; the bus has been told when it returns.</summary>
    /// <returns>Null when another tells it, or has.</returns>
    public async Task<Job?> HoldAsync(Guid id, string teller, TimeSpan call, CancellationToken cancel = default)
    {
        if (!await store.Jobs.HoldTellingAsync(id, teller, call + s_confirmed, cancel) || await store.Jobs.FindAsync(id, cancel) is not { } job)
            return null;
        if (job.Announced)
            return job;
        await bus.TellAsync(new JobCompleted { JobId = id, Progress = job.Progress, At = clock.Now() }, cancel);
        if (job.Spec.Webhook is not null)
            await store.Jobs.MarkAnnouncedAsync(id, cancel);
        return job;
    }

    /// <summary>The right to tell goes back before its time.</summary>
    public Task LetGoAsync(Guid id, string teller, CancellationToken cancel = default) => store.Jobs.HoldTellingAsync(id, teller, TimeSpan.Zero, cancel);
}
