using AgCam.Pipeline.Stores;

namespace AgCam.Api;

/// <summary>Deletes what is too old, now and then and a little at a time. Any number of replicas may do it at once.</summary>
internal sealed class Retention(IStore store, RetentionOptions options, TimeProvider clock, ILogger<Retention> log) : BackgroundService
{
    private const int Step = 1000;

    /// <summary>A worker that is about to use an explanation has this long to say so.</summary>
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
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    /// <returns>How many of each were deleted.</returns>
    internal async Task<(int Uploads, int Requests, int Explanations)> RunAsync(CancellationToken cancel)
    {
        var uploads = await AllAsync(() => store.Uploads.DeleteOlderAsync(TimeSpan.FromHours(options.UploadHours), Step, cancel));
        var requests = await AllAsync(() => store.Chunks.ForgetRequestsAsync(TimeSpan.FromHours(options.RequestHours), Step, cancel));
        var explanations = 0;
        Digest? after = null;
        do
        {
            var step = await store.Explanations.PruneAsync(TimeSpan.FromDays(options.ExplanationDays), Grace, after, Step, cancel);
            explanations += step.Deleted;
            after = step.Next;
        }
        while (after is not null);
        return (uploads, requests, explanations);
    }

    private async Task TryAsync(CancellationToken cancel)
    {
        try
        {
            var (uploads, requests, explanations) = await RunAsync(cancel);
            if (uploads + requests + explanations > 0)
                log.LogInformation("Retention: {Uploads} uploads, {Requests} requests and {Explanations} explanations deleted", uploads, requests, explanations);
        }
        catch (Exception down) when (down is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            log.LogWarning("Retention will be tried again later: {Reason}", down.Message);
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
