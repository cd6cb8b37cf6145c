using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace AgCam.Pipeline.Telemetry;

/// <summary>
/// Registers the exporters of telemetry. Each component registers its own instruments. Without an exporter nothing is collected.
/// </summary>
public static class TelemetryRegistration
{
    /// <param name="configuration">Configuration that includes the environment, which holds OpenTelemetry's own variables.</param>
    /// <param name="service">Service name without OTEL_SERVICE_NAME: agcam-api, agcam-worker or agcam-serve.</param>
    /// <exception cref="OptionsException">An option is out of its range.</exception>
    public static IServiceCollection AddAgCamTelemetry(
        this IServiceCollection services,
        IConfiguration configuration,
        TelemetryOptions options,
        string service
    )
    {
        OptionsException.ThrowIfInvalid(options, TelemetryOptions.Section);
        var (traces, metrics, logs) = (Otlp(configuration, "TRACES"), Otlp(configuration, "METRICS"), Otlp(configuration, "LOGS"));
        if (!traces && !metrics && !logs && string.IsNullOrEmpty(options.Prometheus))
            return services;
        services.ConfigureOpenTelemetryMeterProvider(metering => metering.AddRuntimeInstrumentation());
        var telemetry = services.AddOpenTelemetry().ConfigureResource(resource => Describe(resource, configuration, service));
        if (traces)
            telemetry.WithTracing(tracing => tracing.AddOtlpExporter());
        if (metrics)
            telemetry.WithMetrics(metering => metering.AddOtlpExporter());
        if (logs)
            telemetry.WithLogging(
                logging => logging.AddOtlpExporter(),
                log => (log.IncludeScopes, log.IncludeFormattedMessage) = (true, true)
            );
        return services;
    }

    /// <summary>Registers the instruments and spans of the pipeline.</summary>
    internal static void AddPipelineTelemetry(this IServiceCollection services)
    {
        services.ConfigureOpenTelemetryTracerProvider(tracing => tracing.AddSource(PipelineTelemetry.Name));
        services.ConfigureOpenTelemetryMeterProvider(metering => metering.AddMeter(PipelineTelemetry.Name, Stage.MeterName));
    }

    /// <summary>Returns whether OpenTelemetry's variables name a collector for the signal and do not disable it.</summary>
    private static bool Otlp(IConfiguration configuration, string signal) =>
        (configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? configuration[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"]) is { Length: > 0 }
        && configuration[$"OTEL_{signal}_EXPORTER"] is not "none"
        && !string.Equals(configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase);

    private static void Describe(ResourceBuilder resource, IConfiguration configuration, string service)
    {
        var version = typeof(PipelineTelemetry).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        resource.AddService(
            configuration["OTEL_SERVICE_NAME"] ?? service,
            serviceVersion: version,
            serviceInstanceId: $"{Environment.MachineName}/{Environment.ProcessId}"
        );
    }
}
