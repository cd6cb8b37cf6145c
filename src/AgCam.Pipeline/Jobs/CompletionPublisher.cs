using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Tells the bus that a job has completed: once, however many workers and replicas try, but for one that dies between telling and its
/// mark.
/// </summary>
public sealed class CompletionPublisher(IStore store, IExplainBus bus, TimeProvider clock)
{
    /// <summary>Longer than a bus takes to confirm what it is told, tries and all; after it the teller counts as dead.</summary>
    private static readonly TimeSpan s_confirmed = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Unless another tells it, or has: a job without a webhook is told with that, one with a webhook is left to who calls it.
    /// </summary>
    /// <param name="notifier">Names the caller, and no other.</param>
    public async Task PublishAsync(Guid id, string notifier, CancellationToken cancellationToken = default)
    {
        if (await LeaseAsync(id, notifier, TimeSpan.Zero, cancellationToken) is not { } job)
            return;
        if (job.Spec.Webhook is null)
            await store.Jobs.MarkNotifiedAsync(id, cancellationToken);
        else
            await ReleaseAsync(id, notifier, cancellationToken);
    }

    /// <summary>Takes the right to tell for as long as calling a webhook takes; the bus has been told when it returns.</summary>
    /// <returns>Null when another tells it, or has.</returns>
    public async Task<Job?> LeaseAsync(Guid id, string notifier, TimeSpan call, CancellationToken cancellationToken = default)
    {
        if (
            !await store.Jobs.LeaseNotificationAsync(id, notifier, call + s_confirmed, cancellationToken)
            || await store.Jobs.FindAsync(id, cancellationToken) is not { } job
        )
            return null;
        if (job.EventPublished)
            return job;
        await bus.PublishEventAsync(
            new JobCompleted
            {
                JobId = id,
                Progress = job.Progress,
                At = clock.Now(),
            },
            cancellationToken
        );
        if (job.Spec.Webhook is not null)
            await store.Jobs.MarkEventPublishedAsync(id, cancellationToken);
        return job;
    }

    /// <summary>The right to tell goes back before its time.</summary>
    public Task ReleaseAsync(Guid id, string notifier, CancellationToken cancellationToken = default) =>
        store.Jobs.LeaseNotificationAsync(id, notifier, TimeSpan.Zero, cancellationToken);
}
