using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgCam.Attribution;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using AgCam.Models;

namespace AgCam.Cli.Models;

/// <summary>agcam models inspect MODEL: shows shape, classes and preprocessing without loading the model.</summary>
internal static class InspectVerb
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static Command Create()
    {
        var model = new ModelOptions(asArgument: true);
        var json = new Option<bool>("--json") { Description = "One JSON object." };
        var command = new Command("inspect", "Shows a model's shape, classes and preprocessing, and whether it can be used.");
        model.AddTo(command);
        command.Options.Add(json);
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                using var checkpoint = await model.OpenAsync(parsed, cancellationToken, pooled: true);
                Show(parsed.Console, checkpoint, parsed.GetValue(json));
                return ExitCode.Success;
            }
        );
        return command.WithExamples(
            new("A folder", "agcam models inspect vit/"),
            new("Bare weights", "agcam models inspect weights.safetensors --arch vit_base_patch16_224")
        );
    }

    private static void Show(CommandConsole console, Checkpoint checkpoint, bool json)
    {
        var (preprocessing, problem) = Preprocessing(checkpoint);
        var parameters = checkpoint.Weights.Values.Sum(weight => weight.ElementCount);
        var types = checkpoint.Weights.Values.Select(weight => weight.DType.Name()).Distinct().Order().ToArray();
        if (json)
        {
            console.Output.WriteLine(
                JsonSerializer.Serialize(
                    new
                    {
                        checkpoint.Id,
                        checkpoint.Source,
                        checkpoint.Sha256,
                        Parameters = parameters,
                        Dtypes = types,
                        checkpoint.Config,
                        Method = MethodOf(checkpoint),
                        Preprocessing = preprocessing,
                        Problem = problem,
                        checkpoint.ClassNames,
                    },
                    Format
                )
            );
            return;
        }

        var (config, culture) = (checkpoint.Config, CultureInfo.InvariantCulture);
        Field.Write(console, "model", checkpoint.Id);
        Field.Write(console, "source", checkpoint.Source);
        Field.Write(console, "sha256", checkpoint.Sha256);
        Field.Write(
            console,
            "architecture",
            string.Create(
                culture,
                $"{config.Architecture}: {config.Depth} blocks, width {config.Width}, {config.Heads} heads, MLP "
                    + $"{config.MlpWidth}, {config.Activation}, epsilon {config.LayerNormEpsilon:G}"
            )
        );
        // As in explain, position embeddings are resized if the input has another size.
        var run = config with
        {
            ImageHeight = preprocessing?.InputHeight ?? config.ImageHeight,
            ImageWidth = preprocessing?.InputWidth ?? config.ImageWidth,
        };
        var resized =
            run == config || config.RotaryTemperature is not null
                ? ""
                : $", positions resized from {config.GridRows} x {config.GridColumns}";
        var grid = $"a grid of {run.GridRows} x {run.GridColumns}{resized}, {run.PrefixTokens} prefix token(s)";
        Field.Write(console, "input", $"{run.ImageWidth} x {run.ImageHeight}, patch {run.PatchSize}: {grid}");
        Field.Write(console, "weights", string.Create(culture, $"{parameters:N0} parameters, {string.Join(", ", types)}"));
        Field.Write(
            console,
            "classes",
            checkpoint.ClassNames is { } names
                ? $"{config.Classes}: {string.Join(", ", names.Take(5))}{(names.Count > 5 ? ", ..." : "")}"
                : $"{config.Classes}, without names (--classes FILE gives them)"
        );
        Field.Write(
            console,
            "method",
            MethodOf(checkpoint) == AttributionMethod.Paper
                ? AttributionMethod.Paper
                : $"{AttributionMethod.Pooled}: the classifier averages the patches"
        );
        Field.Write(console, "preprocessing", preprocessing is null ? $"MISSING. {problem}" : preprocessing.Canonical());
    }

    private static string MethodOf(Checkpoint checkpoint) =>
        checkpoint.Config.Pooling == HeadPooling.Token ? AttributionMethod.Paper : AttributionMethod.Pooled;

    private static (AgCam.Preprocessing.PreprocessingOptions? Options, string? Problem) Preprocessing(Checkpoint checkpoint)
    {
        try
        {
            return (checkpoint.Preprocessing, null);
        }
        catch (ModelException missing)
        {
            return (null, missing.Message);
        }
    }
}
