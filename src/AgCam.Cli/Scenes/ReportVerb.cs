using System.CommandLine;
using AgCam.Cli.Doctor;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using AgCam.Scenes;
using AgCam.Scenes.Report;

namespace AgCam.Cli.Scenes;

/// <summary>agcam scenes report: measures accuracy, the effect of the watermark, and localisation of objects and watermark.</summary>
internal static class ReportVerb
{
    public static Command Create()
    {
        var defaults = new SceneReportOptions();
        var model = new Option<string>("--model", "-m")
        {
            Description = "Folder of a model of the scenes.",
            DefaultValueFactory = _ => Shipped.Model,
            HelpName = "FOLDER",
        };
        var scenes = new Option<int>("--count", "-n")
        {
            Description = "Number of scenes for accuracy and localisation.",
            DefaultValueFactory = _ => defaults.Scenes,
            HelpName = "N",
        };
        var pasted = new Option<int>("--pasted")
        {
            Description = "Number of scenes that get the watermark pasted on.",
            DefaultValueFactory = _ => defaults.Pasted,
            HelpName = "N",
        };
        var seed = new Option<long>("--seed")
        {
            Description = "Seed of the scenes. It must differ from the training's.",
            DefaultValueFactory = _ => defaults.Seed,
            HelpName = "N",
        };
        var file = new Option<string?>("--out", "-o") { Description = "Markdown file. Default: stdout.", HelpName = "FILE" };
        scenes.Within(1, int.MaxValue);
        pasted.Within(1, int.MaxValue);
        var command = new Command(
            "report",
            "Measures a model of the scenes: accuracy, the effect of the watermark, and how well heatmaps find it."
        )
        {
            model,
            scenes,
            pasted,
            seed,
            file,
        };
        command.SetAction(parsed =>
        {
            BackendSelfTestVerb.LoadTrusted();
            var options = defaults with
            {
                Model = parsed.GetValue(model)!,
                Scenes = parsed.GetValue(scenes),
                Pasted = parsed.GetValue(pasted),
                Seed = parsed.GetValue(seed),
            };
            var text = SceneReport.Measure(options, parsed.Console.Error.WriteLine).ToMarkdown();
            if (parsed.GetValue(file) is { } path)
                File.WriteAllText(path, text);
            else
                parsed.Console.Output.Write(text);
            return ExitCode.Success;
        });
        return command.WithExamples(new Example("The shipped model, on new scenes", "agcam scenes report --out report.md"));
    }
}
