using AgCam.Pipeline.Stores;

namespace AgCam.Api;

/// <summary>Deletes expired records periodically, in small steps. Several replicas may run it at once.</summary>
internal sealed class Retention(IStore store, RetentionOptions options, TimeProvider clock, ILogger<Retention> log) : BackgroundService
{
    private const int Step = 1000;

    /// <summary>Time that a worker has to pin an explanation that it is about to use.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromHours(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromMinutes(options.EveryMinutes), clock, stoppingToken);
                await TryAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested) { }
    }

    /// <returns>Numbers of deleted records.</returns>
    internal async Task<RetentionReport> RunAsync(CancellationToken cancellationToken)
    {
        var (jobs, items) = options.JobDays is { } days ? await JobsAsync(TimeSpan.FromDays(days), cancellationToken) : (0, 0);
        var uploads = await AllAsync(() =>
            store.Uploads.DeleteOlderAsync(TimeSpan.FromHours(options.UploadHours), Step, cancellationToken)
        );
        var requests = await AllAsync(() =>
            store.Chunks.ForgetRequestsAsync(TimeSpan.FromHours(options.RequestHours), Step, cancellationToken)
        );
        var explanations = 0;
        Digest? after = null;
        do
        {
            var step = await store.Explanations.PruneAsync(
                TimeSpan.FromDays(options.ExplanationDays),
                Grace,
                after,
                Step,
                cancellationToken
            );
            explanations += step.Deleted;
            after = step.Next;
        } while (after is not null);
        return new RetentionReport(jobs, items, uploads, requests, explanations);
    }

    /// <summary>Deletes expired jobs and items of requests, in steps between which the store serves others.</summary>
    /// <returns>The jobs deleted, and the items of requests.</returns>
    private async Task<(int Jobs, int Items)> JobsAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        var (jobs, items, before) = (0, 0, clock.GetUtcNow() - age);
        int deleted;
        do
        {
            deleted = 0;
            foreach (var job in await store.Jobs.EndedAsync(new EndedJobsQuery { Before = before }, cancellationToken))
                deleted += await store.Jobs.DeleteAsync(job.Id, cancellationToken) ? 1 : 0;
            jobs += deleted;
        } while (deleted > 0);
        // Items of requests have no job to be found by. What is left of that age is theirs, but for items of unfinished jobs.
        var query = new ItemQuery { Sort = ItemSort.Time, Limit = Step };
        do
        {
            var page = await store.Items.PageAsync(query, cancellationToken);
            var owners = page.Items.Where(item => item.Time < before).Select(item => item.Job).ToHashSet();
            items += owners.Count == 0 ? 0 : await store.Items.DeleteForgottenAsync(owners, age, cancellationToken);
            query = query with { Cursor = owners.Count == 0 ? null : page.Next };
        } while (query.Cursor is not null);
        return (jobs, items);
    }

    private async Task TryAsync(CancellationToken cancellationToken)
    {
        try
        {
            var (jobs, items, uploads, requests, explanations) = await RunAsync(cancellationToken);
            if (jobs + items + uploads + requests + explanations > 0)
                log.LogInformation(
                    "Retention deleted {Jobs} jobs, {Items} request items, {Uploads} uploads, {Requests} keys, {Explanations} explanations",
                    jobs,
                    items,
                    uploads,
                    requests,
                    explanations
                );
        }
        catch (Exception down) when (down is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            log.LogWarning("Retention will be retried later: {Reason}", down.Message);
        }
    }

    private static async Task<int> AllAsync(Func<Task<int>> step)
    {
        var (sum, last) = (0, Step);
        while (last == Step)
            sum += last = await step();
        return sum;
    }
}

/// <summary>Numbers of deleted records.</summary>
/// <param name="Items">Items of requests. Items of jobs are deleted with their job and not counted.</param>
/// <param name="Requests">Requests whose key was forgotten.</param>
internal sealed record RetentionReport(int Jobs, int Items, int Uploads, int Requests, int Explanations);
