using AgCam.Api.Security;
using AgCam.Pipeline;
using AgCam.Pipeline.Telemetry;

namespace AgCam.Api;

/// <summary>
/// Runs the API as a separate process, with settings from appsettings.json, the environment (Api__Listen, Pipeline__Store) and the command
/// line.
/// </summary>
public static class ApiProgram
{
    /// <returns>The exit code: 0, or 2 when the configuration must change.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            var builder = WebApplication.CreateBuilder(args);
            await RunAsync(
                builder,
                builder.Configuration.Read<ApiOptions>(ApiOptions.Section),
                builder.Configuration.Read<PipelineOptions>(PipelineOptions.Section).WithSecrets(),
                builder.Configuration.Read<TelemetryOptions>(TelemetryOptions.Section)
            );
            return 0;
        }
        catch (Exception wrong) when (wrong is ApiConfigurationException or OptionsException)
        {
            await Console.Error.WriteLineAsync($"agcam api: {wrong.Message}");
            return 2;
        }
    }

    /// <summary>Runs the API until it is stopped.</summary>
    /// <exception cref="ApiConfigurationException">Keys are not valid, or an address without keys is not loopback.</exception>
    /// <exception cref="OptionsException">
    /// An option is out of its range, or the bus is in memory, so that no worker receives the requests.
    /// </exception>
    public static async Task RunAsync(
        WebApplicationBuilder builder,
        ApiOptions api,
        PipelineOptions pipeline,
        TelemetryOptions telemetry,
        CancellationToken cancellationToken = default
    )
    {
        if (pipeline.Bus == PipelineOptions.InMemory)
            throw new OptionsException(
                "`agcam api` needs a broker, from which workers receive its requests: set Pipeline:Bus to "
                    + "amqp://user:password@broker. Without one, `agcam serve` does everything in one process."
            );
        builder.Logging.UseAgCamLogs(builder.Configuration, telemetry);
        builder.Services.AddAgCamTelemetry(builder.Configuration, telemetry, "agcam-api").AddPrometheusEndpoint(telemetry);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = pipeline.Shutdown);
        builder.Services.AddAgCamPipeline(pipeline);
        builder.AddAgCamApi(api);
        await using var app = builder.Build();
        app.MapAgCamApi();
        if (api.Keys.Count == 0)
            app.Logger.LogWarning("No API keys are configured: only programs on this machine may call ({Listen}).", api.Listen);
        await app.RunAsync(cancellationToken);
    }
}
