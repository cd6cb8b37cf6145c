using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Telemetry;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Webhooks;

/// <summary>
/// Calls the webhooks of ended jobs. A notification is pending in the store until the receiver accepts it, so it is delivered at
/// least once through any crash. A repeated call has the same id.
/// </summary>
internal sealed class WebhookLoop(
    IStore store,
    CompletionPublisher completionPublisher,
    WebhookCall call,
    PipelineOptions options,
    TimeProvider clock,
    ILogger<WebhookLoop> log
) : BackgroundService
{
    private const int Limit = 1000,
        MaxParallel = 8;
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1),
        MaxDelay = TimeSpan.FromMinutes(10);

    private readonly string _notifier = $"webhooks {Guid.NewGuid():N}";
    private readonly Dictionary<Guid, (int Tries, DateTimeOffset Next)> _waiting = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await TryAsync(stoppingToken);
                await Task.Delay(options.Poll, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested) { }
    }

    private async Task TryAsync(CancellationToken cancellationToken)
    {
        try
        {
            var due = (await store.Jobs.PendingNotificationsAsync(Limit, cancellationToken))
                .Where(job => job.Spec.Webhook is not null && IsDue(job.Id))
                .ToList();
            await Parallel.ForEachAsync(
                due,
                new ParallelOptions { MaxDegreeOfParallelism = MaxParallel, CancellationToken = cancellationToken },
                async (job, cancellationToken) => await CallAsync(job.Id, cancellationToken)
            );
        }
        // any exception: the end of this loop would end the process
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            log.LogWarning("Could not call webhooks, will retry: {Reason}", e.Message);
        }
    }

    private bool IsDue(Guid job)
    {
        lock (_waiting)
            return !_waiting.TryGetValue(job, out var waiting) || waiting.Next <= clock.GetUtcNow();
    }

    private async Task CallAsync(Guid id, CancellationToken cancellationToken)
    {
        if (await completionPublisher.LeaseAsync(id, _notifier, call.Longest, cancellationToken) is not { } job)
            return; // another replica notifies, or did
        var report = job.Spec.Audit is null ? null : await store.Audits.ReportAsync(id, cancellationToken);
        var answer = await call.SendAsync(job, report, cancellationToken);
        if (
            answer.Outcome == WebhookOutcome.Unanswered
            && clock.GetUtcNow() - job.Finished < TimeSpan.FromHours(options.Webhooks.GiveUpHours)
        )
        {
            var delay = NextDelay(job.Id);
            PipelineTelemetry.Webhooks.Add(1, new KeyValuePair<string, object?>("outcome", "unanswered"));
            await completionPublisher.ReleaseAsync(job.Id, _notifier, cancellationToken); // in case this process ends meanwhile
            log.LogWarning(
                "Could not call the webhook of job {Job}, will retry in {Seconds:0} s: {Reason}",
                job.Id,
                delay.TotalSeconds,
                answer.Reason
            );
            return;
        }
        PipelineTelemetry.Webhooks.Add(
            1,
            new KeyValuePair<string, object?>("outcome", answer.Outcome == WebhookOutcome.Delivered ? "delivered" : "given-up")
        );
        if (answer.Outcome != WebhookOutcome.Delivered)
            log.LogError("Gave up the webhook of job {Job}: {Reason}", job.Id, answer.Reason);
        await store.Jobs.MarkNotifiedAsync(job.Id, cancellationToken);
        lock (_waiting)
            _waiting.Remove(job.Id);
    }

    private TimeSpan NextDelay(Guid job)
    {
        lock (_waiting)
        {
            var tries = _waiting.GetValueOrDefault(job).Tries + 1;
            var delay = FirstDelay * Math.Pow(2, Math.Min(tries - 1, 16)) * (0.75 + (Random.Shared.NextDouble() / 2));
            delay = delay < MaxDelay ? delay : MaxDelay;
            _waiting[job] = (tries, clock.GetUtcNow() + delay);
            return delay;
        }
    }
}
