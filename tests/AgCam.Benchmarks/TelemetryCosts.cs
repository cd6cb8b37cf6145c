using System.Diagnostics;
using System.Globalization;
using AgCam.Cli.Bench;
using AgCam.Evaluation.Metrics;
using AgCam.Pipeline;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Telemetry;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace AgCam.Benchmarks;

/// <summary>
/// Measures the CPU time of telemetry per image: jobs in one process with OpenTelemetry's SDK and exporters that drop everything, and
/// without. The variants alternate.
/// </summary>
internal static class TelemetryCosts
{
    private static readonly (string Name, Func<IDisposable?> Listen)[] Variants =
    [
        ("no listener", () => null),
        ("traces", Traces),
        ("traces and metrics", () => new Both(Traces(), Metrics())),
    ];

    /// <param name="images">Images per job. The first round of each variant warms up.</param>
    public static async Task RunAsync(int images, int rounds)
    {
        var folder = Directory.CreateTempSubdirectory("agcam-bench").FullName;
        try
        {
            await using var scratch = Scratch.OneProcess();
            using var host = Build(scratch.Options with { References = new ReferenceOptions { Roots = [folder] } });
            await host.StartAsync();
            var taken = Variants.Select(_ => new List<double>()).ToArray();
            for (var round = -1; round < rounds; round++)
            for (var position = 0; position < Variants.Length; position++)
            {
                var variant = (round + 1 + position) % Variants.Length; // the first variant changes
                var files = PipelineRate.Write(Path.Combine(folder, $"{round}-{variant}"), images);
                GC.Collect();
                using (Variants[variant].Listen())
                {
                    var before = Process.GetCurrentProcess().TotalProcessorTime;
                    await PipelineRate.RunAsync(host.Services, NullEngine.Pin, files);
                    if (round >= 0)
                        taken[variant].Add((Process.GetCurrentProcess().TotalProcessorTime - before).TotalMicroseconds / images);
                }
                Directory.Delete(files, recursive: true);
            }
            await host.StopAsync();
            Console.WriteLine(
                "| | CPU us an image, median | least | most | more than without, median of the rounds |\n|---|---|---|---|---|"
            );
            foreach (var ((name, _), variant) in Variants.Zip(taken))
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"| {name} | {Median.Of(variant):F1} | {variant.Min():F1} | {variant.Max():F1} | "
                            + $"{Median.Of([.. variant.Zip(taken[0], (with, without) => with - without)]):F1} |"
                    )
                );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IHost Build(PipelineOptions options)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.ClearProviders();
        builder.Services.AddAgCamPipeline(options);
        builder.Services.AddSingleton<IEngineLoader, NullLoader>();
        builder.Services.AddAgCamWorker(new WorkerOptions());
        return builder.Build();
    }

    /// <summary>Exports in batches, as to a collector.</summary>
    private static TracerProvider Traces() =>
        Sdk.CreateTracerProviderBuilder()
            .AddSource(PipelineTelemetry.Name)
            .AddProcessor(new BatchActivityExportProcessor(new Nowhere<Activity>()))
            .Build();

    private static MeterProvider Metrics() =>
        Sdk.CreateMeterProviderBuilder()
            .AddMeter(PipelineTelemetry.Name, Stage.MeterName)
            .AddReader(new PeriodicExportingMetricReader(new Nowhere<Metric>(), exportIntervalMilliseconds: 1000))
            .Build();

    private sealed class Both(IDisposable first, IDisposable second) : IDisposable
    {
        public void Dispose()
        {
            first.Dispose();
            second.Dispose();
        }
    }

    /// <summary>Reads everything and keeps nothing.</summary>
    private sealed class Nowhere<T> : BaseExporter<T>
        where T : class
    {
        public override ExportResult Export(in Batch<T> batch)
        {
            foreach (var _ in batch) { }
            return ExportResult.Success;
        }
    }
}
