using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline;

/// <summary>Stops the process when a newer release has migrated the store, which then refuses all its writes.</summary>
internal sealed class SchemaWatch(
    IStore store,
    IHostApplicationLifetime lifetime,
    PipelineOptions options,
    TimeProvider clock,
    ILogger<SchemaWatch> log
) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Poll * 10, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                StoreSchema.ThrowIfNewer($"The {store.Kind} store", await store.SchemaVersionAsync(stoppingToken));
            }
            catch (StoreSchemaException e)
            {
                log.LogCritical("Stopping this process: {Reason}", e.Message);
                lifetime.StopApplication();
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                log.LogDebug("Could not read the schema version: {Reason}", e.Message);
            }
        }
    }
}
