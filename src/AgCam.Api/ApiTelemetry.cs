using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Telemetry;
using Microsoft.Extensions.Logging.Console;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace AgCam.Api;

/// <summary>What the API's own part of a trace is, and how a process's log looks.</summary>
public static class ApiTelemetry
{
    /// <summary>
    /// Warnings, and what agcam itself has to say, on stderr, unless the configuration sets other levels (Logging:LogLevel).
    /// </summary>
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
        Unless("Microsoft.AspNetCore.DataProtection", LogLevel.Error); // nothing is protected with its keys

        void Unless(string category, LogLevel level)
        {
            if (configuration[$"Logging:LogLevel:{category}"] is null)
                logging.AddFilter(category, level);
        }
    }

    /// <summary>Requests are spans; who looks whether the process is alive is not worth one.</summary>
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
