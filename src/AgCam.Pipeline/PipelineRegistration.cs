using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using AgCam.Pipeline.Stores.Sqlite;
using AgCam.Pipeline.Telemetry;
using AgCam.Pipeline.Webhooks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline;

/// <summary>Registers the services of the pipeline, once per process.</summary>
public static class PipelineRegistration
{
    /// <summary>
    /// Registers <see cref="IStore"/>, <see cref="IExplainBus"/>, <see cref="ExplainEvents"/>, <see cref="ModelCatalog"/> and the options;
    /// with <see cref="PipelineOptions.RunJobs"/> also the loops that plan and publish jobs. Once the host has started, the store is
    /// migrated and the broker's queues exist.
    /// </summary>
    /// <exception cref="OptionsException">An option is out of its range.</exception>
    public static IServiceCollection AddAgCamPipeline(this IServiceCollection services, PipelineOptions options)
    {
        options = options.WithSecrets();
        OptionsException.ThrowIfInvalid(options, PipelineOptions.Section);
        OptionsException.ThrowIfInvalid(options.References, $"{PipelineOptions.Section}:References");
        OptionsException.ThrowIfInvalid(options.References.Limits, $"{PipelineOptions.Section}:References:Limits");
        OptionsException.ThrowIfInvalid(options.Webhooks, $"{PipelineOptions.Section}:Webhooks");
        OptionsException.ThrowIfInvalid(options.References.S3, $"{PipelineOptions.Section}:References:S3");
        GuardedHosts.Check(options.References.Hosts, options.References.Networks, ReferenceOptions.HostsSetting);
        GuardedHosts.Check(options.Webhooks.AllHosts, options.Webhooks.Networks, WebhookOptions.HostsSetting);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(new ModelCatalog(options.Models));
        services.AddPipelineTelemetry();
        services.AddSingleton<IStore>(provider => new ObservedStore(OpenStore(options, provider.GetRequiredService<TimeProvider>())));
        services.AddSingleton(provider => new ReferenceReader(options.References, provider.GetRequiredService<IStore>().Uploads));
        services.AddHostedService<StoreStart>();
        services.AddHostedService<TelemetryStart>();
        services.AddHostedService<SchemaWatch>();
        services.AddExplainBus(options);
        services.AddSingleton<JobSignal>();
        services.AddSingleton<CompletionPublisher>();
        services.AddSingleton<Planner>();
        services.AddSingleton<Publisher>();
        services.AddSingleton<Sweeper>();
        services.AddSingleton<WebhookCall>();
        services.AddSingleton<JobLoops>();
        if (options.RunJobs)
            services
                .AddHostedService(provider => provider.GetRequiredService<JobLoops>())
                .AddHostedService<BacklogWatch>()
                .AddHostedService<WebhookLoop>();
        return services;
    }

    /// <summary>Opens the store that the options name. It is not migrated.</summary>
    public static IStore OpenStore(PipelineOptions options, TimeProvider? clock = null) =>
        options.Store.StartsWith("mongodb", StringComparison.Ordinal) && options.Store.Contains("://", StringComparison.Ordinal)
            ? new MongoStore(
                new MongoOptions
                {
                    Uri = options.Store,
                    Database = options.Database,
                    Tls = options.StoreTls,
                },
                clock
            )
            : new SqliteStore(new SqliteOptions { Path = options.Store }, clock);

    private sealed class TelemetryStart : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            PipelineTelemetry.Begin();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class StoreStart(IStore store, PipelineOptions options, ILogger<StoreStart> logger) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            await StartupRetry.UntilAsync(
                OpenAsync,
                options.Start,
                e => new StoreUnavailableException($"Could not open the store: {e.Message}", e),
                cancellationToken
            );
            logger.LogInformation("Opened the {Kind} store {Store}", store.Kind, UriRedaction.Redact(options.Store));
        }

        private async Task OpenAsync(CancellationToken cancellationToken)
        {
            await store.ProbeAsync(cancellationToken);
            await (options.MigrateStore ? store.MigrateAsync(cancellationToken) : CheckAsync(cancellationToken));
        }

        private async Task CheckAsync(CancellationToken cancellationToken)
        {
            var found = await store.SchemaVersionAsync(cancellationToken);
            StoreSchema.ThrowIfNewer($"The {store.Kind} store", found);
            StoreSchema.ThrowIfOlder($"The {store.Kind} store", found);
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
