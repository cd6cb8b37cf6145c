using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Bench;

/// <summary>agcam bench --pipeline: measures the overhead of the pipeline, one line per bus and store.</summary>
internal sealed class PipelineBenchOptions
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly Option<bool> _pipeline = new("--pipeline")
    {
        Description =
            "Measure the pipeline instead: images are read, hashed and stored, but not explained. With --model: compared "
            + "with that model's rate.",
    };
    private readonly Option<int> _images = new("--images")
    {
        Description = "Images of the job in each round.",
        DefaultValueFactory = _ => 20_000,
        HelpName = "N",
    };
    private readonly Option<string?> _store = new("--store") { Description = "mongodb://server, for --pipeline.", HelpName = "STORE" };
    private readonly Option<string?> _bus = new("--bus")
    {
        Description = "amqp://user:password@broker/vhost, for --pipeline.",
        HelpName = "BROKER",
    };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_pipeline, _images, _store, _bus])
            command.Options.Add(option);
    }

    public bool IsAsked(ParseResult parsed) => parsed.GetValue(_pipeline);

    public Task<int> RunAsync(
        ParseResult parsed,
        (string Name, string Path)? model,
        int rounds,
        string device,
        bool json,
        CancellationToken cancellationToken
    ) =>
        parsed.Console.RunServiceAsync(async () =>
        {
            var images = parsed.GetValue(_images);
            if (images < 1 || rounds < 1)
                throw new UsageException("--images and --rounds must be at least 1.");
            var (store, bus) = (parsed.GetValue(_store), parsed.GetValue(_bus));
            if (store is null != bus is null)
                throw new UsageException(
                    "Give both --bus and --store (mongodb://server), or neither to measure the pipeline in one process."
                );
            if (store?.StartsWith("mongodb", StringComparison.Ordinal) == false)
                throw new UsageException($"--store {store}: with a broker, give mongodb://server.");
            foreach (
                var open in store is null ? [Scratch.OneProcess] : (Func<Scratch>[])[Scratch.OneProcess, () => Scratch.On(store, bus!)]
            )
            {
                await using var scratch = open();
                if (model is { } named)
                    Show(
                        parsed.Console.Output,
                        json,
                        await ModelPipelineRate.MeasureAsync(scratch.Options, named, images, rounds, device, cancellationToken),
                        result => result.ToLine()
                    );
                else
                    Show(parsed.Console.Output, json, await PipelineRate.MeasureAsync(scratch, images, rounds, cancellationToken), Line);
            }
        });

    private static void Show<T>(TextWriter output, bool json, T result, Func<T, string> line) =>
        output.WriteLine(json ? JsonSerializer.Serialize(result, Json) : line(result));

    private static string Line(PipelineRate rate) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{rate.Transport} + {rate.Store, -8} {rate.ImagesPerSecond, 8:F0} images/s   {rate.OfBare:F3} of "
                + $"{rate.BareImagesPerSecond:F0} inserted bare   {rate.CpuMicrosecondsPerImage, 6:F0} us of CPU an image   {rate.Rounds} "
                + $"rounds of {rate.Images} images"
        );
}
