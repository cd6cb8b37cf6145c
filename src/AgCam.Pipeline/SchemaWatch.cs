using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline;

/// <summary>Stops a process whose store a newer one has migrated: the store refuses all that it writes.</summary>
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
                log.LogDebug("The schema version could not be read: {Reason}", e.Message);
            }
        }
    }
}
