using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker.Audits;
using AgCam.Worker.Batching;
using AgCam.Worker.Chunks;
using AgCam.Worker.Engines;
using AgCam.Worker.Evaluations;
using AgCam.Worker.Interventions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker;

/// <summary>Registers the services of a worker, after <see cref="PipelineRegistration.AddAgCamPipeline"/>.</summary>
public static class WorkerRegistration
{
    /// <summary>
    /// Receives from both lanes once the host has started. Models come from files, unless an <see cref="IEngineLoader"/> is registered.
    /// </summary>
    /// <exception cref="OptionsException">An option is out of its range.</exception>
    public static IServiceCollection AddAgCamWorker(this IServiceCollection services, WorkerOptions options)
    {
        OptionsException.ThrowIfInvalid(options, WorkerOptions.Section);
        services.AddSingleton(options);
        services.TryAddSingleton<IEngineLoader, ModelLoader>();
        services.AddSingleton(provider => new EnginePool(
            provider.GetRequiredService<IEngineLoader>(),
            (long)options.ModelMemoryMegabytes << 20
        ));
        services.AddSingleton(new StoreRetry(TimeSpan.FromSeconds(options.StoreRetrySeconds)));
        services.AddSingleton(new BatchQueue(options.MaxBatch, TimeSpan.FromMilliseconds(options.MaxDelayMilliseconds)));
        services.AddSingleton<Device>();
        services.AddSingleton(provider => new Heartbeats(
            provider.GetRequiredService<IStore>(),
            options.Lease,
            provider.GetRequiredService<ILogger<Heartbeats>>()
        ));
        services.AddSingleton<ResultWriter>();
        services.AddSingleton(provider => new ImageFetch(
            provider.GetRequiredService<ReferenceReader>(),
            provider.GetRequiredService<StoreRetry>(),
            options.Decoders,
            options.Fetches
        ));
        services.AddSingleton<ChunkComputation>();
        services.AddSingleton<ChunkEvaluation>();
        services.AddSingleton(provider => new InterventionRunner(
            provider.GetRequiredService<EnginePool>(),
            provider.GetRequiredService<ImageFetch>(),
            provider.GetRequiredService<Device>()
        ));
        services.AddSingleton(new LaneConcurrency(options.BulkChunks, options.InteractiveRequests));
        services.AddSingleton<ChunkLeasing>();
        services.AddSingleton<ChunkRunner>();
        services.AddSingleton<ResultPublisher>();
        services.AddSingleton<IExplainHandler, ChunkExplainer>();
        services.AddSingleton<WorkerLoops>();
        if (options.HealthListen is not null)
            services.AddHostedService<WorkerHealth>(); // first, to answer while models are loaded
        services.AddHostedService(provider => provider.GetRequiredService<WorkerLoops>());
        services.AddHostedService<AuditLoop>();
        return services;
    }
}

/// <summary>Loads models before the bus starts, and ends the worker's loops after it has stopped.</summary>
internal sealed class WorkerLoops(
    Device device,
    Heartbeats heartbeats,
    ResultWriter results,
    IEngineLoader loader,
    EnginePool engines,
    ModelCatalog models,
    WorkerOptions options,
    ILogger<WorkerLoops> log
) : IHostedLifecycleService
{
    private readonly CancellationTokenSource _end = new();
    private Task[] _loops = [];

    /// <summary>Whether all loops run. Without one of them, chunks are received and never finished.</summary>
    public bool AreWhole => _end.IsCancellationRequested || _loops.All(loop => !loop.IsCompleted);

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        _loops =
        [
            device.RunAsync(_end.Token, loader.SplitThreads()),
            Task.Run(() => heartbeats.RunAsync(_end.Token)),
            Task.Run(() => results.RunAsync(_end.Token)),
        ];
        var warm = await Task.WhenAll(options.WarmUp.Select(name => models.PinAsync(name, cancellationToken)));
        if (await engines.WarmUpAsync(warm, "float32", cancellationToken) is var loaded && loaded < warm.Length)
            log.LogWarning(
                "Loaded {Count} of {All} models: {Next} does not fit into {Megabytes} MiB beside them and is loaded for its first request",
                loaded,
                warm.Length,
                warm[loaded].Id,
                options.ModelMemoryMegabytes
            );
    }

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        await _end.CancelAsync();
        await Task.WhenAll(_loops);
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        PipelineTelemetry.BeginDevice();
        return Task.CompletedTask;
    }

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
