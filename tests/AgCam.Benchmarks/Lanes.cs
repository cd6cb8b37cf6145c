using System.Diagnostics;
using System.Globalization;
using AgCam.Images;
using AgCam.Models;
using AgCam.Preprocessing;
using TorchSharp;

namespace AgCam.Benchmarks;

/// <summary>
/// Compares one batch at a time on all processors with one batch per processor, alternately in one process. Ratios are medians of the
/// rounds' ratios.
/// </summary>
internal static class Lanes
{
    public static void Run(string model, int batch, int rounds, TextWriter output)
    {
        using var checkpoint = Checkpoint.Open(model);
        using var explainer = new Explainer(checkpoint, new ExplainerOptions { Device = "cpu" });
        var (width, height) = (explainer.Preprocessing.InputWidth, explainer.Preprocessing.InputHeight);
        var random = new Random(1);
        PreparedImage[] images =
        [
            .. Enumerable
                .Range(0, batch)
                .Select(_ =>
                {
                    var pixels = new byte[height * width * 3];
                    random.NextBytes(pixels);
                    return explainer.Prepare(new RgbImage(width, height, pixels));
                }),
        ];
        var processors = Environment.ProcessorCount;
        var each = Math.Max(1, (int)(2 / Seconds(explainer, images, 1, processors, 1))); // about two seconds per measurement
        var ratios = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            var together = processors * each * batch / Seconds(explainer, images, 1, processors, processors * each);
            var apart = processors * each * batch / Seconds(explainer, images, processors, 1, each);
            ratios.Add(apart / together);
            output.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{together, 8:F1} images/s one batch at a time   {apart, 8:F1} one on each of {processors} processors   "
                        + $"{apart / together:F3}"
                )
            );
        }
        output.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{ratios.Order().ElementAt(rounds / 2):F3} median of {rounds} rounds, batch {batch}"
            )
        );
    }

    private static double Seconds(Explainer explainer, PreparedImage[] images, int parallelBatches, int threads, int batches)
    {
        torch.set_num_threads(threads);
        using var ready = new Barrier(parallelBatches + 1);
        var running = Enumerable
            .Range(0, parallelBatches)
            .Select(_ => new Thread(() =>
            {
                torch.set_num_threads(threads);
                explainer.Explain(images, new int?[images.Length], ExplainOptions.Default);
                ready.SignalAndWait();
                for (var i = 0; i < batches; i++)
                    explainer.Explain(images, new int?[images.Length], ExplainOptions.Default);
            }))
            .ToList();
        running.ForEach(thread => thread.Start());
        ready.SignalAndWait();
        var watch = Stopwatch.StartNew();
        running.ForEach(thread => thread.Join());
        return watch.Elapsed.TotalSeconds;
    }
}
