using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Telemetry;
using Microsoft.Extensions.Logging.Console;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace AgCam.Api;

/// <summary>Sets up logs, and the traces of the API.</summary>
public static class ApiTelemetry
{
    /// <summary>Logs to stderr: information of agcam, and warnings of the rest, unless Logging:LogLevel sets other levels.</summary>
    public static void UseAgCamLogs(this ILoggingBuilder logging, IConfiguration configuration, TelemetryOptions options)
    {
        logging.ClearProviders();
        logging.Configure(factory => factory.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
        if (options.Logs == LogForm.Json)
            logging.AddJsonConsole(console =>
                (console.IncludeScopes, console.UseUtcTimestamp, console.TimestampFormat) = (true, true, "yyyy-MM-ddTHH:mm:ss.fffZ")
            );
        else
            logging.AddSimpleConsole(console => console.SingleLine = true);
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        logging.SetMinimumLevel(LogLevel.Warning);
        Unless("AgCam", LogLevel.Information);
        Unless(BusLogs.Deliveries, LogLevel.None);
        Unless("Microsoft.AspNetCore.DataProtection", LogLevel.Error); // agcam does not use its keys

        void Unless(string category, LogLevel level)
        {
            if (configuration[$"Logging:LogLevel:{category}"] is null)
                logging.AddFilter(category, level);
        }
    }

    /// <summary>Traces requests, except health checks.</summary>
    internal static void AddApiTelemetry(this IServiceCollection services)
    {
        services.ConfigureOpenTelemetryTracerProvider(tracing =>
            tracing.AddAspNetCoreInstrumentation(http =>
                http.Filter = context => !context.Request.Path.StartsWithSegments("/health", StringComparison.Ordinal)
            )
        );
        services.ConfigureOpenTelemetryMeterProvider(metering => metering.AddAspNetCoreInstrumentation());
    }
}
