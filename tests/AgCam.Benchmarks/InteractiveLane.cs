using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using AgCam.Api;
using AgCam.Cli.Bench;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Scenes;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgCam.Benchmarks;

/// <summary>
/// Measures the latency of one image: POST /v1/explanations?wait= over HTTP to one process, idle and with a job that keeps the bulk lane
/// full.
/// </summary>
internal static class InteractiveLane
{
    private const string Null = "null",
        Scenes = "scenes";
    private const int Side = 32,
        WarmUp = 30;

    /// <param name="model">null or scenes.</param>
    public static async Task RunAsync(string model, int requests)
    {
        await using var scratch = Scratch.OneProcess();
        var folder = Path.GetDirectoryName(scratch.Options.Store)!;
        await using var app = await StartAsync(scratch.Options with { References = new ReferenceOptions { Roots = [folder] } }, model);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        var store = app.Services.GetRequiredService<IStore>();

        await AskAsync(client, model, WarmUp);
        var idle = await AskAsync(client, model, requests);
        var job = await BulkAsync(app.Services, store, Path.Combine(folder, "bulk"), model, requests);
        await AskAsync(client, model, WarmUp);
        var (before, watch) = (await store.Jobs.FindAsync(job), Stopwatch.StartNew());
        var loaded = await AskAsync(client, model, requests);
        var (after, seconds) = (await store.Jobs.FindAsync(job), watch.Elapsed.TotalSeconds);
        if (after is not { State: JobState.Running })
            throw new InvalidOperationException(
                $"The job was {after?.State} before the last request was answered: the measurement is void. Ask for fewer requests."
            );
        await store.Jobs.CancelAsync(job);
        await app.StopAsync();

        Console.WriteLine(
            "| model | idle p50 ms | p99 | under bulk p50 | p99 | p99 to idle's | bulk images/s meanwhile |\n|---|---|---|---|---|---|---|"
        );
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"| {model} | {QueryRate.Percentile(idle, 0.5):F1} | {QueryRate.Percentile(idle, 0.99):F1} | "
                    + $"{QueryRate.Percentile(loaded, 0.5):F1} | {QueryRate.Percentile(loaded, 0.99):F1} | "
                    + $"{QueryRate.Percentile(loaded, 0.99) / QueryRate.Percentile(idle, 0.99):F2} | "
                    + $"{(after.Progress.Completed - before!.Progress.Completed) / seconds:F0} |"
            )
        );
    }

    private static async Task<WebApplication> StartAsync(PipelineOptions options, string model)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder
            .Logging.ClearProviders()
            .AddSimpleConsole(console => console.SingleLine = true)
            .SetMinimumLevel(LogLevel.Warning)
            .AddFilter(BusLogs.Deliveries, LogLevel.None);
        builder.Services.AddAgCamPipeline(options with { Models = new Dictionary<string, string> { [model] = Shipped.Model } });
        if (model == Null)
            builder.Services.AddSingleton<IEngineLoader, AnyNullLoader>();
        builder.Services.AddAgCamWorker(new WorkerOptions { WarmUp = [model], DrainSeconds = 1 });
        builder.AddAgCamApi(new ApiOptions { Listen = "http://127.0.0.1:0", ImagesPerMinute = 10_000_000 });
        var app = builder.Build();
        app.MapAgCamApi();
        await app.StartAsync();
        return app;
    }

    /// <summary>Sends requests one after the other, each with a new picture.</summary>
    /// <returns>Latencies in milliseconds.</returns>
    private static async Task<List<double>> AskAsync(HttpClient client, string model, int requests)
    {
        var took = new List<double>();
        for (var i = 0; i < requests; i++)
        {
            using var form = new MultipartFormDataContent
            {
                { new ByteArrayContent(Picture()), "image", "photo.png" },
                { new StringContent(model), "model" },
            };
            var startedAt = Stopwatch.GetTimestamp();
            using var answer = await client.PostAsync("/v1/explanations?wait=60", form);
            var body = await answer.Content.ReadAsStringAsync();
            took.Add(Stopwatch.GetElapsedTime(startedAt).TotalMilliseconds);
            if (!answer.IsSuccessStatusCode || !body.Contains("Completed", StringComparison.Ordinal))
                throw new InvalidOperationException($"{(int)answer.StatusCode}: {body}");
        }
        return took;
    }

    /// <returns>A running job that outlasts the requests.</returns>
    private static async Task<Guid> BulkAsync(IServiceProvider services, IStore store, string folder, string model, int requests)
    {
        Directory.CreateDirectory(folder);
        for (var i = 0; i < (model == Null ? 5_000 + (400 * requests) : 2_000 + (40 * requests)); i++)
            await File.WriteAllBytesAsync(Path.Combine(folder, $"{i}.png"), Picture());
        var pin = await services.GetRequiredService<ModelCatalog>().PinAsync(model);
        var job = (await store.Jobs.CreateAsync(new JobSpec { Source = $"folder:{folder}", Model = pin })).Job.Id;
        while ((await store.Jobs.FindAsync(job))!.Progress.Completed < 500)
            await Task.Delay(20);
        return job;
    }

    private static byte[] Picture() => PngEncoder.Encode(new RgbImage(Side, Side, RandomNumberGenerator.GetBytes(Side * Side * 3)));

    /// <summary>Loads the null engine for every model.</summary>
    private sealed class AnyNullLoader : IEngineLoader
    {
        public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
            Task.FromResult<IExplainEngine>(new NullEngine(model, dtype));
    }
}
