using System.Globalization;
using AgCam.Cli.Doctor;
using AgCam.Cli.Serving;
using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Models;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace AgCam.Cli.Bench;

/// <summary>
/// Compares the model's rate in <c>agcam bench</c> with its rate in the pipeline, alternately in one process. In the
/// pipeline, files are read, decoded, hashed and stored.
/// </summary>
/// <param name="ModelImagesPerSecond">Rate of the model without the pipeline on random input; median of the rounds.</param>
/// <param name="Ratio">Pipeline's rate divided by the model's; median of the rounds' ratios.</param>
internal sealed record ModelPipelineRate(
    string Transport,
    string Store,
    string Model,
    int Images,
    int Rounds,
    double ImagesPerSecond,
    double ModelImagesPerSecond,
    double Ratio
)
{
    /// <param name="options">Options of the pipeline. The store must be empty; it is filled.</param>
    public static async Task<ModelPipelineRate> MeasureAsync(
        PipelineOptions options,
        (string Name, string Path) model,
        int images,
        int rounds,
        string device,
        CancellationToken cancellationToken
    )
    {
        BackendSelfTestVerb.LoadTrusted();
        using var folder = new Pictures(Directory.CreateTempSubdirectory("agcam-bench").FullName);
        options = options with
        {
            Models = new Dictionary<string, string> { [model.Name] = model.Path },
            References = new ReferenceOptions { Roots = [folder.Path] },
        };
        var worker = new WorkerOptions { Device = device, WarmUp = [model.Name] };
        using var checkpoint = Checkpoint.Open(model.Path, new CheckpointOptions { Id = model.Name });
        using var modelAlone = VisionTransformer.Load(checkpoint, ComputeDevice.Find(device), TorchSharp.torch.ScalarType.Float32);
        await using var host = LocalHost.Build(services => services.AddAgCamPipeline(options).AddAgCamWorker(worker));
        await host.StartAsync(cancellationToken);
        var store = host.Services.GetRequiredService<IStore>();
        var pin = await host.Services.GetRequiredService<ModelCatalog>().PinAsync(model.Name, cancellationToken);
        var (side, pipeline, modelRates) = (modelAlone.Config.ImageHeight, new List<double>(), new List<double>());
        for (var round = -1; round < rounds; round++)
        {
            var count = round < 0 ? Math.Min(images, 500) : images; // the first round warms up
            // The worker has split the threads among its parallel batches.
            var (seconds, explained) = ComputeDevice.WithAllThreads(() => ModelBench.Explaining(modelAlone, worker.MaxBatch, count));
            var job = PipelineRate.Seconds(
                await PipelineRate.RunAsync(host.Services, pin, folder.Draw(count, side), cancellationToken: cancellationToken)
            );
            if (round < 0)
                continue;
            modelRates.Add(explained / seconds);
            pipeline.Add(count / job);
        }
        return new ModelPipelineRate(
            options.Bus == PipelineOptions.InMemory ? "memory" : "rabbitmq",
            store.Kind,
            model.Name,
            images,
            rounds,
            Median.Of(pipeline),
            Median.Of(modelRates),
            Median.Of([.. pipeline.Zip(modelRates, (inside, outside) => inside / outside)])
        );
    }

    public string ToLine() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Transport} + {Store, -8} {ImagesPerSecond, 8:F1} images/s   {ModelImagesPerSecond, 8:F1} by {Model} alone   "
                + $"{Ratio:F3} of it   {Rounds} rounds of {Images} images"
        );

    /// <summary>Temporary pictures of the model's input size, all different, in one folder per round.</summary>
    private sealed class Pictures(string path) : IDisposable
    {
        private int _folders,
            _pictures;

        public string Path => path;

        public string Draw(int count, int side)
        {
            var folder = Directory.CreateDirectory(System.IO.Path.Combine(path, $"{_folders++}")).FullName;
            var pixels = new byte[side * side * 3];
            for (var i = 0; i < count; i++)
            {
                BitConverter.TryWriteBytes(pixels, ++_pictures);
                File.WriteAllBytes(System.IO.Path.Combine(folder, $"{i}.png"), PngEncoder.Encode(new RgbImage(side, side, pixels)));
            }
            return folder;
        }

        public void Dispose() => Directory.Delete(path, recursive: true);
    }
}
