using System.CommandLine;
using System.Text.Json;
using AgCam.Cli.Doctor;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using AgCam.Models;
using TorchSharp;

namespace AgCam.Cli.Bench;

/// <summary>agcam bench: compares the cost of explaining with predicting on this machine.</summary>
internal static class BenchVerb
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public static Command Create()
    {
        var model = new ModelOptions();
        var random = new Option<string?>("--random") { Description = "Architecture with random weights, e.g. vit_base_patch16_224." };
        var batch = new Option<int>("--batch") { Description = "Images per forward pass.", DefaultValueFactory = _ => 8 };
        var rounds = new Option<int?>("--rounds")
        {
            Description = "Measured rounds; results are medians. Default 7; 3 with --pipeline.",
            HelpName = "N",
        };
        var device = new Option<string>("--device") { Description = "auto, cpu, cuda or cuda:n.", DefaultValueFactory = _ => "auto" };
        var dtype = new Option<string>("--dtype") { Description = "float32, bfloat16 or float16.", DefaultValueFactory = _ => "float32" };
        var threads = new Option<int?>("--threads") { Description = "CPU threads. Default: libtorch's choice." };
        var json = new Option<bool>("--json") { Description = "Write one JSON object to stdout." };
        batch.Within(1, 4096);
        rounds.Within(1, 10_000);
        threads.Within(1, 1024);
        var pipeline = new PipelineBenchOptions();
        var verb = new Command(
            "bench",
            "Compares plain prediction, explanation of one and of five targets, and autograd, in interleaved rounds."
        )
        {
            random,
            batch,
            rounds,
            device,
            dtype,
            threads,
            json,
        };
        model.AddTo(verb);
        pipeline.AddTo(verb);
        verb.SetAction(
            async (parsed, cancellationToken) =>
            {
                if (pipeline.IsAsked(parsed))
                    return await pipeline.RunAsync(
                        parsed,
                        model.Named(parsed),
                        parsed.GetValue(rounds) ?? 3,
                        parsed.GetValue(device)!,
                        parsed.GetValue(json),
                        cancellationToken
                    );
                BackendSelfTestVerb.LoadTrusted();
                if (parsed.GetValue(threads) is { } count)
                    torch.set_num_threads(count);
                var target = ComputeDevice.Find(parsed.GetValue(device)!);
                var type = Enum.Parse<torch.ScalarType>(ComputeDtype.Canonical(parsed.GetValue(dtype)!), ignoreCase: true);
                using var checkpoint = parsed.GetValue(random) is null ? await model.OpenAsync(parsed, cancellationToken) : null;
                using var loaded = checkpoint is null
                    ? RandomWeights.Model(NamedArchitectures.Find(parsed.GetValue(random)!), target, type)
                    : VisionTransformer.Load(checkpoint, target, type);
                var maximum = parsed.GetValue(rounds) ?? 7;
                var result = ModelBench.Run(
                    loaded,
                    parsed.GetValue(batch),
                    maximum,
                    round =>
                    {
                        if (parsed.Console.IsErrorTerminal)
                            parsed.Console.Error.Write(round < maximum ? $"\rround {round} of {maximum} " : "\r                    \r");
                    }
                ) with
                {
                    Model = checkpoint?.Id ?? parsed.GetValue(random)!,
                };
                parsed.Console.Output.WriteLine(parsed.GetValue(json) ? JsonSerializer.Serialize(result, Json) : Table(result));
                return ExitCode.Success;
            }
        );
        return verb.WithExamples(
            new Example("The shipped model", "agcam bench"),
            new Example("ViT-B/16 with random weights, for a script", "agcam bench --random vit_base_patch16_224 --batch 8 --json"),
            new Example("Cost of the pipeline without a model, in one process", "agcam bench --pipeline --json"),
            new Example(
                "The same with a broker and a database server, in its own queues and database",
                "agcam bench --pipeline --bus amqp://broker --store mongodb://store"
            ),
            new Example("Rate of the pipeline compared with the shipped model's", "agcam bench --pipeline --model scenes")
        );
    }

    private static string Table(ModelBenchResult r) =>
        FormattableString.Invariant(
            $"""
            {r.Model}, {r.Device}, {r.Dtype}, batch {r.Batch}, {r.Threads} threads, median of {r.Rounds} rounds

              plain prediction       {r.Plain, 9:F2} images/s   {r.PlainGflops:F0} GFLOP/s, {r.PlainGflops
                / r.GemmGflops:P0} of a matrix product's {r.GemmGflops:F0}
              explain, one target    {r.Explain1, 9:F2} images/s   {r.Ratio1:F3} of plain
              explain, five targets  {r.Explain5, 9:F2} images/s   {r.Ratio5:F3} of plain
              autograd, batched      {r.Autograd, 9:F2} images/s   explain is {r.Speedup:F2} times as fast
              authors' method        {r.Authors, 9:F2} images/s   explain is {r.SpeedupOverAuthors:F2} times as fast
              peak memory            {r.PeakRssMb, 9:F0} MB
            """
        );
}
