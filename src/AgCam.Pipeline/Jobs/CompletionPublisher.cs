using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Publishes that a job has completed, once for all workers and replicas. A process that dies between the event and its mark
/// causes a second event.
/// </summary>
public sealed class CompletionPublisher(IStore store, IExplainBus bus, TimeProvider clock)
{
    /// <summary>Duration of the lease, longer than all attempts of a publish take. Afterwards its holder counts as dead.</summary>
    private static readonly TimeSpan s_confirmed = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Publishes the completion unless another process does or did. A job's webhook stays pending for <see cref="Webhooks.WebhookLoop"/>.
    /// </summary>
    /// <param name="notifier">Unique name of the caller.</param>
    public async Task PublishAsync(Guid id, string notifier, CancellationToken cancellationToken = default)
    {
        if (await LeaseAsync(id, notifier, TimeSpan.Zero, cancellationToken) is not { } job)
            return;
        if (job.Spec.Webhook is null)
            await store.Jobs.MarkNotifiedAsync(id, cancellationToken);
        else
            await ReleaseAsync(id, notifier, cancellationToken);
    }

    /// <summary>Leases the job's notification for as long as a webhook call takes, and publishes the event.</summary>
    /// <returns>Null when another process notifies, or did.</returns>
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

    /// <summary>Releases the lease of the notification early.</summary>
    public Task ReleaseAsync(Guid id, string notifier, CancellationToken cancellationToken = default) =>
        store.Jobs.LeaseNotificationAsync(id, notifier, TimeSpan.Zero, cancellationToken);
}
