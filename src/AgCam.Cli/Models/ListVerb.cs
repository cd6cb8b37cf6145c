using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using AgCam.Cli.Terminal;
using AgCam.Models.Hub;

namespace AgCam.Cli.Models;

/// <summary>agcam models list: lists the models in the Hub cache.</summary>
internal static class ListVerb
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Write one JSON object per line." };
        var command = new Command("list", "Lists the models in the cache.") { json };
        command.SetAction(parsed =>
        {
            var options = HubOptions.FromEnvironment(parsed.Console.Variable);
            var models = new HubCache(options.CacheFolder).List();
            foreach (var model in models)
                parsed.Console.Output.WriteLine(
                    parsed.GetValue(json)
                        ? JsonSerializer.Serialize(model, JsonSerializerOptions.Web)
                        : string.Create(
                            CultureInfo.InvariantCulture,
                            $"{model.Repo, -50} {model.Commit[..Math.Min(7, model.Commit.Length)]}  {model.Bytes / 1e6, 9:0.0} MB  "
                                + $"{model.Changed:yyyy-MM-dd}{(model.Complete ? "" : "  incomplete: pull it again")}"
                        )
                );
            if (models.Count == 0)
                parsed.Console.Error.WriteLine($"agcam: no models in {options.CacheFolder}. `agcam models pull ID` downloads one.");
            return ExitCode.Success;
        });
        return command.WithExamples(new Example("What has been pulled, and how large it is", "agcam models list"));
    }
}
