using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Telemetry;

/// <summary>Keeps the backlog's gauges fresh for as long as somebody reads them.</summary>
internal sealed class BacklogWatch(IStore store, ILogger<BacklogWatch> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                if (PipelineTelemetry.WantsBacklog)
                    await LookAsync(stoppingToken);
                await Task.Delay(Every, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task LookAsync(CancellationToken cancel)
    {
        try
        {
            PipelineTelemetry.Report(await store.BacklogAsync(cancel));
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancel.IsCancellationRequested) // the gauges keep what they had
        {
            log.LogDebug("The backlog could not be read: {Reason}", e.Message);
        }
    }
}
