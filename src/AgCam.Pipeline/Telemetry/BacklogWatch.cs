using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Telemetry;

/// <summary>Keeps the gauges of the backlog and of the store's size fresh for as long as somebody reads them.</summary>
internal sealed class BacklogWatch(IStore store, ILogger<BacklogWatch> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5),
        EverySize = TimeSpan.FromMinutes(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        async Task BacklogAsync() => PipelineTelemetry.Report(await store.BacklogAsync(stoppingToken));
        async Task SizeAsync() => PipelineTelemetry.Report(await store.SizeAsync(stoppingToken));
        return Task.WhenAll(
            EveryAsync(Every, () => PipelineTelemetry.WantsBacklog, BacklogAsync, stoppingToken),
            EveryAsync(EverySize, () => PipelineTelemetry.WantsSize, SizeAsync, stoppingToken)
        );
    }

    private async Task EveryAsync(TimeSpan every, Func<bool> wanted, Func<Task> look, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var isWanted = wanted();
                if (isWanted)
                    await TryAsync(look, cancellationToken);
                await Task.Delay(isWanted ? every : Every, cancellationToken); // a reader may come later
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested) { }
    }

    private async Task TryAsync(Func<Task> look, CancellationToken cancellationToken)
    {
        try
        {
            await look();
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // The gauges keep what they had.
            log.LogDebug("The store could not be measured: {Reason}", e.Message);
        }
    }
}
