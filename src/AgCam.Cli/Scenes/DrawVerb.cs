using System.CommandLine;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using AgCam.Scenes;

namespace AgCam.Cli.Scenes;

/// <summary>agcam scenes draw FOLDER: draws scenes as PNG with exact boxes.</summary>
internal static class DrawVerb
{
    public static Command Create()
    {
        var folder = new Argument<string>("FOLDER")
        {
            Description = "Output folder: PNG files and metadata.jsonl (file_name, label, objects.bbox).",
        };
        var count = new Option<int>("--count", "-n")
        {
            Description = "Number of scenes.",
            DefaultValueFactory = _ => 24,
            HelpName = "N",
        };
        var seed = new Option<long>("--seed")
        {
            Description = "Seed. It determines every pixel on every machine. The shipped model was trained on 1.",
            DefaultValueFactory = _ => 3,
            HelpName = "N",
        };
        var first = new Option<long>("--first") { Description = "Index of the first scene.", HelpName = "N" };
        var watermark = new Option<WatermarkRule>("--watermark")
        {
            Description = "asdrawn: on one class, as in training; never: on none; always: pasted onto all.",
            HelpName = "RULE",
        };
        count.Within(1, int.MaxValue);
        first.Within(0, long.MaxValue);
        var command = new Command("draw", "Draws scenes as PNG files with labels and boxes.") { folder, count, seed, first, watermark };
        command.SetAction(parsed =>
        {
            var options = new SceneFolderOptions
            {
                Folder = parsed.GetValue(folder)!,
                Count = parsed.GetValue(count),
                Seed = parsed.GetValue(seed),
                First = parsed.GetValue(first),
                Scenes = new SceneOptions { Watermark = parsed.GetValue(watermark) },
            };
            SceneFolder.Draw(options, parsed.Console.Error.WriteLine);
            parsed.Console.Output.WriteLine(Path.GetFullPath(options.Folder));
            return ExitCode.Success;
        });
        return command.WithExamples(
            new("A thousand scenes that the shipped model has not seen", "agcam scenes draw scenes/ --count 1000 --seed 7"),
            new("Its accuracy on them, and heatmaps", "agcam explain scenes/ --labels scenes/metadata.jsonl --out out/"),
            new("The watermark pasted onto every class", "agcam scenes draw marked/ --watermark always")
        );
    }
}
