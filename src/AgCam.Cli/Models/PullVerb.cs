using System.CommandLine;
using AgCam.Cli.Terminal;
using AgCam.Models.Hub;

namespace AgCam.Cli.Models;

/// <summary>agcam models pull ID: downloads a model to the cache that Python's huggingface_hub uses too.</summary>
internal static class PullVerb
{
    public static Command Create()
    {
        var id = new Argument<string>("ID") { Description = "Hub id: org/name or org/name@revision." };
        var command = new Command("pull", "Downloads a model from the Hub into the cache and checks its hash.") { id };
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                using var progress = new DownloadProgress(parsed.Console);
                using var hub = new HubClient(HubOptions.FromEnvironment(parsed.Console.Variable));
                var snapshot = await hub.PullAsync(HubId.Parse(parsed.GetValue(id)!), progress, cancellationToken);
                parsed.Console.Output.WriteLine(snapshot.Folder);
                parsed.Console.Error.WriteLine($"agcam: {snapshot.RecordedId}{(snapshot.FromCache ? ", from the cache" : "")}");
                return ExitCode.Success;
            }
        );
        return command.WithExamples(
            new("The newest revision", "agcam models pull timm/deit_tiny_patch16_224.fb_in1k"),
            new("One revision, from a mirror", "HF_ENDPOINT=https://mirror.example agcam models pull org/model@1a2b3c4"),
            new("Use it", "agcam explain photos/ --model timm/deit_tiny_patch16_224.fb_in1k")
        );
    }
}
