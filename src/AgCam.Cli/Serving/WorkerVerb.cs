using System.CommandLine;
using AgCam.Api;
using AgCam.Cli.Doctor;
using AgCam.Cli.Terminal;
using AgCam.Pipeline;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace AgCam.Cli.Serving;

/// <summary>agcam worker: receives requests from the broker, explains images and stores the results. Run one process per GPU.</summary>
internal static class WorkerVerb
{
    public static Command Create()
    {
        var services = new ServiceOptions();
        var command = new Command("worker", "Receives requests from the broker, explains the images and stores the results.");
        services.AddTo(command, api: false, worker: true, bus: true);
        command.SetAction(
            (parsed, cancellationToken) =>
                parsed.Console.RunServiceAsync(async () =>
                {
                    var builder = Host.CreateApplicationBuilder();
                    var telemetry = services.Telemetry(parsed, builder.Configuration);
                    builder.Logging.UseAgCamLogs(builder.Configuration, telemetry);
                    var pipeline = services.Pipeline(parsed, builder.Configuration) with { RunJobs = false };
                    if (pipeline.Bus == PipelineOptions.InMemory)
                        throw new UsageException(
                            "A worker receives its work from a broker: set Pipeline__Bus to amqp://user:password@broker. "
                                + "Without one, `agcam serve` does everything in one process."
                        );
                    var worker = services.Worker(parsed, builder.Configuration);
                    BackendSelfTestVerb.LoadTrusted();
                    builder.Services.AddAgCamTelemetry(builder.Configuration, telemetry, "agcam-worker").AddPrometheusEndpoint(telemetry);
                    builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = pipeline.Shutdown);
                    builder.Services.AddAgCamPipeline(pipeline);
                    builder.Services.AddAgCamWorker(worker);
                    using var host = builder.Build();
                    await host.RunAsync(cancellationToken);
                })
        );
        return command.WithExamples(
            new Example(
                "On a machine with a GPU",
                "agcam worker --bus amqp://broker --store mongodb://store --model vit=/models/vit --root /data --device cuda:0"
            )
        );
    }
}
