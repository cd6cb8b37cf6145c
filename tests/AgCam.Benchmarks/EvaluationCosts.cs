using System.Diagnostics;
using System.Globalization;
using AgCam.Evaluation;
using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using AgCam.Models;
using AgCam.Native;
using static TorchSharp.torch;

namespace AgCam.Benchmarks;

/// <summary>
/// Compares a perturbation test with the twenty bare forward passes of the same pictures, alternately in one process. Ratios are medians
/// of the rounds' ratios. Also measures the sweep of 1,000 thresholds.
/// </summary>
internal static class EvaluationCosts
{
    private const int Sweeps = 10; // per round
    private static readonly BoundingBox[] GroundTruth = [new(40, 50, 100, 90), new(150, 20, 50, 60)];

    /// <param name="architecture">Name, e.g. vit_base_patch16_224. Weights are random.</param>
    public static void Run(string architecture, int rounds, TextWriter to)
    {
        NativeBackend.Load();
        using var scope = NewDisposeScope();
        using var model = RandomWeights.Model(NamedArchitectures.Find(architecture), CPU);
        var (rows, columns) = (model.Config.ImageHeight, model.Config.ImageWidth);
        var random = new Random(1);
        float[] pixels = [.. Enumerable.Range(0, 3 * rows * columns).Select(_ => random.NextSingle() - 0.5f)];
        var grid = new Heatmap(
            model.Config.GridRows,
            model.Config.GridColumns,
            [.. Enumerable.Range(0, model.Config.GridRows * model.Config.GridColumns).Select(_ => random.NextSingle())]
        );
        var map = grid.Upsample(rows, columns).Normalize();
        var masked = tensor(new Perturbation(pixels, 3, map).Images().SelectMany(picture => picture).ToArray())
            .view(Perturbation.Pictures, 3, rows, columns);
        var forward = new MaskedForward(model, Perturbation.Pictures, Parity.None);
        var sweep = ThresholdSweep.Even();
        for (var i = 0; i < 100; i++)
            sweep.Measure(map, GroundTruth); // until the JIT has optimised it
        (Cost Wall, Cost Cpu) bare = (new(), new()),
            curves = (new(), new()),
            sweeps = (new(), new());
        for (var round = -1; round < rounds; round++)
        {
            Measure(
                round,
                bare,
                () =>
                {
                    using var inference = inference_mode();
                    model.Logits(masked).Dispose();
                }
            );
            Measure(round, curves, () => forward.Perturbation(pixels, map, 1, []));
            for (var i = 0; i < Sweeps; i++)
                Measure(round, sweeps, () => sweep.Measure(map, GroundTruth));
        }

        to.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{architecture}, {rounds} rounds: bare forwards of {Perturbation.Pictures} masked pictures "
                    + $"{bare.Wall.Median:0} ms ({bare.Cpu.Median:0} ms of CPU), perturbation test {curves.Wall.Median:0} ms "
                    + $"({curves.Cpu.Median:0}); ratio {Ratio(curves.Wall, bare.Wall):0.000} ({Ratio(curves.Cpu, bare.Cpu):0.000} of CPU)"
            )
        );
        to.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"sweep of 1,000 thresholds, {columns} x {rows}: {sweeps.Wall.Median:0.0} ms ({sweeps.Cpu.Median:0.0} ms of CPU)"
            )
        );
    }

    private static void Measure(int round, (Cost Wall, Cost Cpu) cost, Action run)
    {
        var (wall, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        run();
        if (round < 0)
            return; // warming up
        cost.Wall.Add(Stopwatch.GetElapsedTime(wall).TotalMilliseconds);
        cost.Cpu.Add((Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
    }

    private static double Ratio(Cost cost, Cost to) => Evaluation.Metrics.Median.Of(cost.Rounds.Zip(to.Rounds, (a, b) => a / b));

    private sealed class Cost
    {
        public List<double> Rounds { get; } = [];

        public double Median => Evaluation.Metrics.Median.Of(Rounds);

        public void Add(double value) => Rounds.Add(value);
    }
}
