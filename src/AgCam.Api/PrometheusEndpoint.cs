using AgCam.Pipeline.Telemetry;
using OpenTelemetry.Metrics;

namespace AgCam.Api;

/// <summary>Serves /metrics at its own address: it needs no key, and a worker serves no other address.</summary>
public static class PrometheusEndpoint
{
    /// <summary>Does nothing when no address is set.</summary>
    public static IServiceCollection AddPrometheusEndpoint(this IServiceCollection services, TelemetryOptions options)
    {
        if (options.Prometheus is not { Length: > 0 } address)
            return services;
        services.AddOpenTelemetry().WithMetrics(metering => metering.AddPrometheusExporter(exporter => exporter.ScopeInfoEnabled = false));
        return services.AddHostedService(provider => new Server(provider.GetRequiredService<MeterProvider>(), address));
    }

    private sealed class Server(MeterProvider meters, string address) : IHostedService
    {
        private WebApplication? _app;

        /// <exception cref="IOException">The port is taken.</exception>
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().UseUrls(address);
            _app = builder.Build();
            _app.UseOpenTelemetryPrometheusScrapingEndpoint(meters, null, "/metrics", null, null);
            await _app.StartAsync(cancellationToken);
        }

        public async Task StopAsync(CancellationToken cancellationToken)
        {
            if (_app is not null)
                await _app.DisposeAsync();
        }
    }
}
