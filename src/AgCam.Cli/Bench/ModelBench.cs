using System.Diagnostics;
using AgCam.Attribution;
using AgCam.Evaluation.Metrics;
using AgCam.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace AgCam.Cli.Bench;

/// <summary>
/// Compares the cost of explaining with predicting. All variants run in every round, so that drift of the machine affects all equally.
/// Ratios are medians of the rounds' ratios.
/// </summary>
internal static class ModelBench
{
    private const int Products = 12;

    /// <param name="batch">Images per forward pass. The authors' method takes one.</param>
    /// <param name="rounds">Number of measured rounds, after one warm-up round.</param>
    public static ModelBenchResult Run(VisionTransformer model, int batch, int rounds, Action<int>? progress = null)
    {
        var config = model.Config;
        using var scope = NewDisposeScope();
        var input = randn(batch, 3, config.ImageHeight, config.ImageWidth, device: model.Device);
        var targets = randint(0, config.Classes, [batch, 5], device: model.Device).to(int64);
        var rows = randn(batch * config.Tokens, config.Width, device: model.Device).to(model.Dtype);
        var matrix = randn(config.MlpWidth, config.Width, device: model.Device).to(model.Dtype);

        var ways = new Dictionary<string, Action>
        {
            ["gemm"] = () =>
                Infer(() =>
                {
                    for (var i = 0; i < Products; i++)
                        nn.functional.linear(rows, matrix).Dispose();
                }),
            ["plain"] = () => Infer(() => model.Logits(input)),
            ["explain1"] = () => Infer(() => Explain(model, input, targets.narrow(1, 0, 1))),
            ["explain5"] = () => Infer(() => Explain(model, input, targets)),
            ["autograd"] = () => Autograd(model, input, targets.select(1, 0)),
            ["authors"] = () => WholeBackward(model, input.narrow(0, 0, 1), targets.select(1, 0).narrow(0, 0, 1)),
        };

        var seconds = ways.Keys.ToDictionary(way => way, _ => new List<double>());
        for (var round = -1; round < rounds; round++)
        {
            foreach (var (way, run) in ways)
            {
                var start = Stopwatch.GetTimestamp();
                run();
                if (model.Device.type == DeviceType.CUDA)
                    cuda.synchronize();
                if (round >= 0)
                    seconds[way].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            progress?.Invoke(round + 1);
        }

        double Rate(string way, int images) => images / Median.Of(seconds[way]);
        double Ratio(string way, string to) => Median.Of([.. seconds[to].Zip(seconds[way], (a, b) => a / b)]);
        return new ModelBenchResult
        {
            Plain = Rate("plain", batch),
            Explain1 = Rate("explain1", batch),
            Explain5 = Rate("explain5", batch),
            Autograd = Rate("autograd", batch),
            Authors = Rate("authors", 1),
            Ratio1 = Ratio("explain1", "plain"),
            Ratio5 = Ratio("explain5", "plain"),
            Speedup = Ratio("explain1", "autograd"),
            SpeedupOverAuthors = Ratio("explain1", "authors") * batch,
            GemmGflops = 2e-9 * Products * batch * config.Tokens * config.Width * config.MlpWidth / Median.Of(seconds["gemm"]),
            PlainGflops = 2e-9 * MultiplyAdds(config) * batch / Median.Of(seconds["plain"]),
            PeakRssMb = Process.GetCurrentProcess().PeakWorkingSet64 / 1e6,
            Device = ComputeDevice.Name(model.Device),
            Dtype = model.Dtype.ToString().ToLowerInvariant(),
            Batch = batch,
            Threads = get_num_threads(),
            Rounds = rounds,
        };
    }

    /// <summary>
    /// Measures only the explanation of one target, like <see cref="ModelBenchResult.Explain1"/>, for an alternating comparison with
    /// another program.
    /// </summary>
    /// <returns>Seconds and number of images, at least as many as requested.</returns>
    public static (double Seconds, int Images) Explaining(VisionTransformer model, int batch, int images)
    {
        using var scope = NewDisposeScope();
        var input = randn(batch, 3, model.Config.ImageHeight, model.Config.ImageWidth, device: model.Device);
        var targets = randint(0, model.Config.Classes, [batch, 1], device: model.Device).to(int64);
        var start = Stopwatch.GetTimestamp();
        var done = 0;
        for (; done < images; done += batch)
            Infer(() => Explain(model, input, targets));
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, done);
    }

    /// <summary>
    /// Returns the multiply-adds of one image's forward pass: patch embedding, linear layers and attention of every block, head.
    /// </summary>
    public static double MultiplyAdds(ViTConfig config)
    {
        double n = config.Tokens,
            c = config.Width,
            m = config.MlpWidth;
        var block = (n * ((4 * c * c) + (c * (config.MlpRows + m)))) + (2 * n * n * c);
        return (config.GridRows * config.GridColumns * 3.0 * config.PatchSize * config.PatchSize * c)
            + (config.Depth * block)
            + (c * config.Classes);
    }

    private static void Infer(Action run)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        run();
    }

    private static void Explain(VisionTransformer model, Tensor input, Tensor targets)
    {
        using var pass = model.Forward(input);
        var (maps, _) = AttentionGuidedCam.Maps(model, pass, targets);
        maps.cpu();
    }

    /// <summary>Efficient autograd: batched, frozen weights, gradients of the attention weights only.</summary>
    private static void Autograd(VisionTransformer model, Tensor input, Tensor target)
    {
        using var scope = NewDisposeScope();
        var (logits, attentions) = model.ForwardExplicit(input, detach: true);
        var gradients = autograd.grad([logits.gather(1, target.unsqueeze(1)).sum()], [.. attentions.Select(a => a.Weights)]);
        Accumulate(attentions, gradients).cpu();
    }

    /// <summary>Method of the authors' program: one image, and a backward pass that computes every weight's gradient too.</summary>
    private static void WholeBackward(VisionTransformer model, Tensor input, Tensor target)
    {
        var parameters = model.Parameters().ToArray();
        foreach (var parameter in parameters)
            parameter.requires_grad_(true);
        using (var scope = NewDisposeScope())
        {
            var (logits, attentions) = model.ForwardExplicit(input, detach: true);
            foreach (var attention in attentions)
                attention.Weights.retain_grad();
            logits.gather(1, target.unsqueeze(1)).sum().backward();
            Accumulate(attentions, [.. attentions.Select(a => a.Weights.grad!)]).cpu();
        }

        foreach (var parameter in parameters)
        {
            parameter.grad?.Dispose();
            parameter.grad = null;
            parameter.requires_grad_(false);
        }
    }

    private static Tensor Accumulate(IReadOnlyList<Attention> attentions, IList<Tensor> gradients)
    {
        using var noGrad = no_grad();
        return attentions
            .Zip(gradients, (a, gradient) => (a.Scores.select(2, 0).sigmoid() * gradient.select(2, 0).relu()).sum([1]))
            .Aggregate((a, b) => a + b);
    }
}

/// <summary>Result of the benchmark. Rates are images per second, medians over the rounds.</summary>
internal sealed record ModelBenchResult
{
    public string Model { get; init; } = "";

    /// <summary>Prediction by the plain forward pass.</summary>
    public required double Plain { get; init; }

    public required double Explain1 { get; init; }

    public required double Explain5 { get; init; }

    public required double Autograd { get; init; }

    public required double Authors { get; init; }

    /// <summary>Explain1 / Plain, median of the rounds' ratios.</summary>
    public required double Ratio1 { get; init; }

    public required double Ratio5 { get; init; }

    /// <summary>Explain1 / Autograd, median of the rounds' ratios.</summary>
    public required double Speedup { get; init; }

    /// <summary>Explain1 / Authors, median of the rounds' ratios.</summary>
    public required double SpeedupOverAuthors { get; init; }

    /// <summary>Rate of a matrix product of the model's shape, [batch x tokens, width] by [width, MLP width], in GFLOP/s.</summary>
    public required double GemmGflops { get; init; }

    /// <summary>Rate of plain prediction in GFLOP/s.</summary>
    public required double PlainGflops { get; init; }

    public required double PeakRssMb { get; init; }

    public required string Device { get; init; }

    public required string Dtype { get; init; }

    public required int Batch { get; init; }

    public required int Threads { get; init; }

    public required int Rounds { get; init; }
}
