using System.CommandLine;
using AgCam.Cli.Options;
using AgCam.Cli.Serving;
using AgCam.Cli.Terminal;
using AgCam.Scenes.Faults;

namespace AgCam.Cli.Quickstart;

/// <summary>agcam quickstart: draws a dataset with planted faults, audits it, and compares.</summary>
internal static class QuickstartVerb
{
    private const int Pairs = 64;
    private const int MinimumScenes = 100;
    private const int MaximumScenes = 99_999; // names of files have five digits

    public static Command Create()
    {
        var defaults = new FaultyFolderOptions { Folder = "quickstart" };
        var folder = new Option<string>("--out", "-o")
        {
            Description = "Folder for the dataset and the results: a new one, or that of an earlier quickstart.",
            DefaultValueFactory = _ => defaults.Folder,
            HelpName = "DIR",
        };
        var count = new Option<int>("--count", "-n")
        {
            Description = "Number of scenes, to which the planted copies are added.",
            DefaultValueFactory = _ => defaults.Count,
            HelpName = "N",
        };
        var seed = new Option<long>("--seed")
        {
            Description = "Seed of the scenes and the faults. The shipped model was trained on 1.",
            DefaultValueFactory = _ => defaults.Seed,
            HelpName = "N",
        };
        count.Within(MinimumScenes, MaximumScenes);
        var command = new Command("quickstart", "Draws a dataset with planted faults, audits it with the shipped model, and compares.")
        {
            folder,
            count,
            seed,
        };
        command.SetAction(
            (parsed, cancellationToken) =>
            {
                var options = defaults with
                {
                    Folder = parsed.GetValue(folder)!,
                    Count = parsed.GetValue(count),
                    Seed = parsed.GetValue(seed),
                };
                return parsed.Console.RunServiceAsync(() => RunAsync(parsed.Console, options, cancellationToken));
            }
        );
        return command.WithExamples(
            new Example("What an audit finds, in a minute", "agcam quickstart"),
            new Example("Another dataset", "agcam quickstart --out quickstart-8 --seed 8")
        );
    }

    private static async Task RunAsync(CommandConsole console, FaultyFolderOptions options, CancellationToken cancellationToken)
    {
        var full = Path.GetFullPath(options.Folder);
        Clear(full);
        var faults = FaultyFolder.Draw(options with { Folder = full });
        console.Error.WriteLine($"agcam: drew {options.Count} scenes and their copies; explaining them");
        var report = await new QuickstartRun(console, full).AuditAsync(Pairs, cancellationToken);
        new QuickstartText(report, faults, options.Folder, full).Write(console.Output);
    }

    /// <summary>Deletes the results of an earlier quickstart, so that no file of another seed stays.</summary>
    /// <exception cref="UsageException">The folder has other files.</exception>
    private static void Clear(string folder)
    {
        if (!Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any())
            return;
        if (!File.Exists(Path.Combine(folder, FaultyFolder.Planted)))
            throw new UsageException($"{folder} has other files. Name a new folder with --out.");
        Directory.Delete(folder, recursive: true);
    }
}
