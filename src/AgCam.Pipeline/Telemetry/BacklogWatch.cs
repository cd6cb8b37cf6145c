using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Telemetry;

/// <summary>Refreshes the gauges of the backlog and of the store's size while an exporter reads them.</summary>
internal sealed class BacklogWatch(IStore store, ILogger<BacklogWatch> log) : BackgroundService
{
    private static readonly TimeSpan BacklogInterval = TimeSpan.FromSeconds(5),
        SizeInterval = TimeSpan.FromMinutes(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        async Task BacklogAsync() => PipelineTelemetry.Report(await store.BacklogAsync(stoppingToken));
        async Task SizeAsync() => PipelineTelemetry.Report(await store.SizeAsync(stoppingToken));
        return Task.WhenAll(
            EveryAsync(BacklogInterval, () => PipelineTelemetry.WantsBacklog, BacklogAsync, stoppingToken),
            EveryAsync(SizeInterval, () => PipelineTelemetry.WantsSize, SizeAsync, stoppingToken)
        );
    }

    private async Task EveryAsync(TimeSpan interval, Func<bool> isWanted, Func<Task> refresh, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var wanted = isWanted();
                if (wanted)
                    await TryAsync(refresh, cancellationToken);
                await Task.Delay(wanted ? interval : BacklogInterval, cancellationToken); // an exporter may subscribe later
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested) { }
    }

    private async Task TryAsync(Func<Task> refresh, CancellationToken cancellationToken)
    {
        try
        {
            await refresh();
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // The gauges keep their last values.
            log.LogDebug("Could not measure the store: {Reason}", e.Message);
        }
    }
}
