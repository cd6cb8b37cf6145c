using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using AgCam.Verification;

namespace AgCam.Cli.Models;

/// <summary>agcam models verify MODEL --against ref.safetensors: compares the model with PyTorch.</summary>
internal static class VerifyVerb
{
    private const int Differs = 1;

    public static Command Create()
    {
        var (model, device) = (new ModelOptions(asArgument: true), new DeviceOptions());
        var against = new Option<FileInfo>("--against")
        {
            Description = "Reference that PyTorch computed. The script in docs/python.md writes it.",
            Required = true,
            HelpName = "FILE",
        };
        var tolerance = new Option<double>("--tolerance")
        {
            Description = "Tolerance of logits (relative to the largest) and maps (relative).",
            DefaultValueFactory = _ => 1e-4,
            HelpName = "SHARE",
        };
        var pixels = new Option<double>("--pixel-tolerance")
        {
            Description = "Tolerance of normalised pixels.",
            DefaultValueFactory = _ => 1e-4,
            HelpName = "VALUE",
        };
        var json = new Option<bool>("--json") { Description = "One JSON object." };
        var command = new Command(
            "verify",
            "Compares pixels, logits and maps with a reference of PyTorch and names the first stage that diverges. Exit code 1 "
                + "when one does."
        )
        {
            against,
            tolerance,
            pixels,
            json,
        };
        model.AddTo(command);
        device.AddTo(command);
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                using var checkpoint = await model.OpenAsync(parsed, cancellationToken, pooled: true);
                using var explainer = device.Load(parsed, checkpoint);
                var limits = new VerificationTolerance
                {
                    Pixels = parsed.GetValue(pixels),
                    Logits = parsed.GetValue(tolerance),
                    Maps = parsed.GetValue(tolerance),
                };
                var stages = ModelVerification.Compare(explainer, parsed.GetValue(against)!.FullName, limits);
                var first = stages.FirstOrDefault(stage => !stage.Agrees);
                if (parsed.GetValue(json))
                    parsed.Console.Output.WriteLine(
                        JsonSerializer.Serialize(
                            new
                            {
                                Agrees = first is null,
                                FirstDivergence = first?.Name,
                                Stages = stages.Select(Finite),
                            },
                            JsonSerializerOptions.Web
                        )
                    );
                else
                    Show(stages, first, parsed.Console.Output);
                return first is null ? ExitCode.Success : Differs;
            }
        );
        return command.WithExamples(
            new("In Python, see docs/python.md", "python dump.py timm/deit_tiny_patch16_224.fb_in1k photo.png ref.safetensors"),
            new("On this machine", "agcam models verify timm/deit_tiny_patch16_224.fb_in1k --against ref.safetensors")
        );
    }

    private static void Show(IReadOnlyList<VerifiedStage> stages, VerifiedStage? first, TextWriter output)
    {
        foreach (var stage in stages)
            output.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{stage.Name, -8} {(stage.Agrees ? "agrees  " : "DIVERGES")}  largest difference "
                        + $"{stage.MaxAbsolute:0.0e+0}, relative "
                        + $"{stage.Relative:0.0e+0}{(stage.Agrees ? "" : $", largest at {stage.Worst}")}"
                )
            );
        output.WriteLine(
            first is null ? "The model agrees with the reference." : $"The first stage that diverges is {first.Name}: {Advice(first.Name)}"
        );
    }

    private static string Advice(string stage) =>
        stage switch
        {
            "pixels" => "compare input size, resize, crop, interpolation, mean and std with the reference's.",
            "logits" => "the weights or the architecture differ: heads, epsilon, activation, input size.",
            _ => "the forward pass agrees, so the definition of the maps differs.",
        };

    // JSON has no infinity.
    private static VerifiedStage Finite(VerifiedStage stage) =>
        stage with
        {
            MaxAbsolute = Math.Min(stage.MaxAbsolute, double.MaxValue),
            Relative = Math.Min(stage.Relative, double.MaxValue),
        };
}
