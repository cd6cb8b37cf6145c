using System.Diagnostics;
using System.Globalization;
using AgCam.Cli.Bench;
using AgCam.Evaluation.Metrics;
using AgCam.Pipeline;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgCam.Benchmarks;

/// <summary>
/// Measures the cost of embeddings of width 768: jobs of the null engine with and without them, alternately, each kind in a store of its
/// own.
/// </summary>
internal static class EmbeddingCosts
{
    /// <param name="images">Images per job. The first round warms up.</param>
    /// <param name="server">mongodb://; null for SQLite.</param>
    public static async Task RunAsync(int images, int rounds, string? server)
    {
        var folder = Directory.CreateTempSubdirectory("agcam-bench").FullName;
        try
        {
            await using var without = await Side.StartAsync(false, folder, server);
            await using var with = await Side.StartAsync(true, folder, server);
            for (var round = 0; round <= rounds; round++)
            {
                var files = PipelineRate.Write(Path.Combine(folder, $"{round}"), images);
                foreach (var side in round % 2 == 0 ? (Side[])[without, with] : [with, without])
                    await side.ExplainAsync(files, images);
                Directory.Delete(files, recursive: true);
            }
            Console.WriteLine($"| {with.Store.Kind} | images/s | CPU us an image | bytes an image |\n|---|---|---|---|");
            foreach (var side in (Side[])[without, with])
            {
                var (rate, time, stored) = (Median.Of(side.Rates.Skip(1)), Median.Of(side.Cpu.Skip(1)), await side.BytesAsync());
                Write($"| {side.Name} | {rate:F0} | {time:F0} | {stored:F0} |");
            }
            var rates = Median.Of(with.Rates.Zip(without.Rates, (left, right) => left / right).Skip(1));
            var cpu = Median.Of(with.Cpu.Zip(without.Cpu, (left, right) => left - right).Skip(1));
            var bytes = await with.BytesAsync() - await without.BytesAsync();
            Write($"| difference, rate and CPU as medians of the rounds | {rates:F3} of the rate | {cpu:F1} | {bytes:F0} |");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Write(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    /// <summary>A pipeline with a store, whose jobs keep embeddings or leave them out.</summary>
    private sealed class Side : IAsyncDisposable
    {
        private readonly bool _embedding;
        private readonly Scratch _scratch;
        private readonly IHost _host;
        private int _images;

        private Side(bool embedding, string folder, string? server)
        {
            _embedding = embedding;
            _scratch = server is null ? Scratch.OneProcess() : Scratch.On(server, PipelineOptions.InMemory);
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
            builder.Logging.ClearProviders();
            builder.Services.AddAgCamPipeline(_scratch.Options with { References = new ReferenceOptions { Roots = [folder] } });
            builder.Services.AddSingleton<IEngineLoader, NullLoader>();
            builder.Services.AddAgCamWorker(new WorkerOptions());
            _host = builder.Build();
        }

        public static async Task<Side> StartAsync(bool embedding, string folder, string? server)
        {
            var side = new Side(embedding, folder, server);
            await side._host.StartAsync();
            return side;
        }

        public string Name => _embedding ? "with embeddings" : "without";

        public IStore Store => _host.Services.GetRequiredService<IStore>();

        public List<double> Rates { get; } = [];

        /// <summary>CPU time of this process in microseconds per image.</summary>
        public List<double> Cpu { get; } = [];

        public async Task ExplainAsync(string files, int images)
        {
            GC.Collect();
            var before = Process.GetCurrentProcess().TotalProcessorTime;
            var job = await PipelineRate.RunAsync(_host.Services, NullEngine.Pin, files, _embedding);
            Cpu.Add((Process.GetCurrentProcess().TotalProcessorTime - before).TotalMicroseconds / images);
            Rates.Add(images / PipelineRate.Seconds(job));
            _images += images;
        }

        public async Task<double> BytesAsync() => (double)(await Store.SizeAsync()).Bytes / _images;

        public async ValueTask DisposeAsync()
        {
            await _host.StopAsync();
            _host.Dispose();
            await _scratch.DisposeAsync();
        }
    }
}
