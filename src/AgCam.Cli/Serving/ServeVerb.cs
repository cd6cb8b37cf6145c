using System.CommandLine;
using AgCam.Api;
using AgCam.Cli.Doctor;
using AgCam.Cli.Terminal;
using AgCam.Pipeline;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace AgCam.Cli.Serving;

/// <summary>agcam serve: runs API, worker, bus and store in one process. Accepted requests survive kill -9.</summary>
internal static class ServeVerb
{
    public static Command Create()
    {
        var services = new ServiceOptions();
        var command = new Command("serve", "Runs API, worker and store in one process. Needs no broker and no database.");
        services.AddTo(command, api: true, worker: true, bus: false);
        command.SetAction(
            (parsed, cancellationToken) =>
                parsed.Console.RunServiceAsync(async () =>
                {
                    var builder = WebApplication.CreateBuilder();
                    var telemetry = services.Telemetry(parsed, builder.Configuration);
                    builder.Logging.UseAgCamLogs(builder.Configuration, telemetry);
                    var api = services.Api(parsed, builder.Configuration);
                    var pipeline = services.Pipeline(parsed, builder.Configuration) with { Bus = PipelineOptions.InMemory, RunJobs = true };
                    var worker = services.Worker(parsed, builder.Configuration);
                    BackendSelfTestVerb.LoadTrusted();
                    builder.Services.AddAgCamTelemetry(builder.Configuration, telemetry, "agcam-serve").AddPrometheusEndpoint(telemetry);
                    builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = pipeline.Shutdown);
                    builder.Services.AddAgCamPipeline(pipeline);
                    builder.Services.AddAgCamWorker(worker.WarmUp.Count > 0 ? worker : worker with { WarmUp = [.. pipeline.Models.Keys] });
                    builder.AddAgCamApi(api);
                    await using var app = builder.Build();
                    app.MapAgCamApi();
                    app.Lifetime.ApplicationStarted.Register(() =>
                        parsed.Console.Error.WriteLine(
                            $"agcam: {string.Join(", ", pipeline.Models.Keys)} at {string.Join(", ", app.Urls)}, documented at "
                                + $"/docs; results in {UriRedaction.Redact(pipeline.Store)}."
                                + (api.Keys.Count == 0 ? " No API keys are configured: only programs on this machine may call." : "")
                        )
                    );
                    await app.RunAsync(cancellationToken);
                })
        );
        return command.WithExamples(
            new("The shipped model", "agcam serve"),
            new("A model of your own, and a folder of images", "agcam serve --model vit/ --root /data/pets"),
            new("Then, in another terminal", "agcam submit cat.jpg --wait")
        );
    }
}
