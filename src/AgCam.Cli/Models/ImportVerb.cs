using System.CommandLine;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using AgCam.Models;

namespace AgCam.Cli.Models;

/// <summary>agcam models import FILE --arch ... --out FOLDER: converts a PyTorch checkpoint to a safetensors folder.</summary>
internal static class ImportVerb
{
    public static Command Create()
    {
        var model = new ModelOptions(asArgument: true);
        var folder = new Option<string>("--out", "-o")
        {
            Description = "Folder to write: config.json and model.safetensors.",
            Required = true,
            HelpName = "FOLDER",
        };
        var command = new Command("import", "Converts a PyTorch checkpoint (.pth, .pt, .bin, .pth.tar) without running any code in it.")
        {
            folder,
        };
        model.AddTo(command);
        command.SetAction(parsed =>
        {
            var source = model.Reference(parsed);
            var imported = ModelImport.Run(source, parsed.GetValue(folder)!, model.Checkpointing(parsed));
            parsed.Console.Output.WriteLine(imported.Folder);
            parsed.Console.Error.WriteLine(
                $"agcam: {imported.Config.Architecture}, {imported.Config.Classes} "
                    + $"classes{(imported.StateKey.Length > 0 ? $", weights from {imported.StateKey}" : "")}"
            );
            return ExitCode.Success;
        });
        return command.WithExamples(
            new(
                "A training checkpoint: a pickle does not contain the preprocessing",
                "agcam models import best.pth --arch vit_small_patch16_224 --crop-pct 0.9 --crop-mode center --interpolation "
                    + "bicubic --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 --classes names.txt --out vit/"
            ),
            new("Use it", "agcam explain photos/ --model vit/")
        );
    }
}
