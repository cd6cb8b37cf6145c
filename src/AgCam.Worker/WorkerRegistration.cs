using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Batching;
using AgCam.Worker.Chunks;
using AgCam.Worker.Engines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker;

/// <summary>What a process registers that carries requests out, besides <see cref="PipelineRegistration.AddAgCamPipeline"/>.</summary>
public static class WorkerRegistration
{
    /// <summary>Receives from both lanes as soon as the host has started. Models come from files, unless an <see cref="IEngineLoader"/> was registered before.</summary>
    /// <exception cref="OptionsException">An option is out of its range.</exception>
    public static IServiceCollection AddAgCamWorker(this IServiceCollection services, WorkerOptions options)
    {
        OptionsException.ThrowIfInvalid(options);
        services.AddSingleton(options);
        services.TryAddSingleton<IEngineLoader, ModelLoader>();
        services.AddSingleton(provider => new EnginePool(provider.GetRequiredService<IEngineLoader>(), options.MaxModels));
        services.AddSingleton(new StorePatience(TimeSpan.FromSeconds(options.StorePatienceSeconds)));
        services.AddSingleton(new BatchQueue(options.MaxBatch, TimeSpan.FromMilliseconds(options.MaxDelayMilliseconds)));
        services.AddSingleton<Device>();
        services.AddSingleton<Turns>();
        services.AddSingleton(provider => new Heartbeats(provider.GetRequiredService<IStore>(), options.Lease, provider.GetRequiredService<ILogger<Heartbeats>>()));
        services.AddSingleton<ResultWriter>();
        services.AddSingleton(provider => new ImageFetch(provider.GetRequiredService<ReferenceReader>(), provider.GetRequiredService<StorePatience>(), options.Decoders, options.Fetches));
        services.AddSingleton<ChunkComputation>();
        services.AddSingleton(new LaneConcurrency(options.BulkChunks, options.InteractiveRequests));
        services.AddSingleton<IExplainHandler, ChunkExplainer>();
        services.AddHostedService<WorkerLoops>();
        return services;
    }
}

/// <summary>Models are warm before the bus starts; the loops end after it has stopped.</summary>
internal sealed class WorkerLoops(
    Device device, Heartbeats heartbeats, ResultWriter results, EnginePool engines, ModelCatalog models, WorkerOptions options) : IHostedLifecycleService
{
    private readonly CancellationTokenSource _end = new();
    private Task _loops = Task.CompletedTask;

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        _loops = Task.WhenAll(Task.Run(() => device.RunAsync(_end.Token)), Task.Run(() => heartbeats.RunAsync(_end.Token)), Task.Run(() => results.RunAsync(_end.Token)));
        foreach (var name in options.WarmUp)
            using (await engines.UseAsync(await models.PinAsync(name, cancellationToken), "float32", cancellationToken))
            {
            }
    }

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        await _end.CancelAsync();
        await _loops;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
