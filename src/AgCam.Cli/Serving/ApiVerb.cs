using System.CommandLine;
using AgCam.Api;
using AgCam.Api.Security;
using AgCam.Cli.Options;
using AgCam.Cli.Terminal;
using Microsoft.AspNetCore.Builder;

namespace AgCam.Cli.Serving;

/// <summary>agcam api: runs the API as a separate process; workers receive its requests over a broker.</summary>
internal static class ApiVerb
{
    public static Command Create()
    {
        var services = new ServiceOptions();
        var newKey = new Option<string?>("--new-key")
        {
            Description = "Create an API key with this name, print it and its configuration entry, and exit.",
            HelpName = "NAME",
        };
        var scopes = new Option<string[]>("--scope")
        {
            Description = $"Scope of the new key: {string.Join(", ", Scope.All)}. Repeatable. Default: submit and read.",
            HelpName = "SCOPE",
        };
        scopes.AcceptOnly([.. Scope.All]);
        var command = new Command("api", "Runs only the API. Workers receive its requests over the broker.") { newKey, scopes };
        services.AddTo(command, api: true, worker: false, bus: true);
        command.SetAction(
            (parsed, cancellationToken) =>
            {
                if (parsed.GetValue(newKey) is { } name)
                    return Task.FromResult(
                        Draw(parsed.Console, name, parsed.GetValue(scopes) is { Length: > 0 } given ? given : [Scope.Submit, Scope.Read])
                    );
                return parsed.Console.RunServiceAsync(async () =>
                {
                    var builder = WebApplication.CreateBuilder();
                    await ApiProgram.RunAsync(
                        builder,
                        services.Api(parsed, builder.Configuration),
                        services.Pipeline(parsed, builder.Configuration),
                        services.Telemetry(parsed, builder.Configuration),
                        cancellationToken
                    );
                });
            }
        );
        return command.WithExamples(
            new("With a broker and a store", "agcam api --bus amqp://broker --store mongodb://store --model vit=/models/vit"),
            new("A key for a colleague", "agcam api --new-key anna --scope read")
        );
    }

    private static int Draw(CommandConsole console, string name, IReadOnlyList<string> scopes)
    {
        var (key, entry) = ApiKey.Create(name, scopes);
        console.Output.WriteLine(key);
        console.Error.WriteLine("agcam: the key is shown only once. Its configuration entry, with N counted from 0:");
        console.Error.WriteLine($"Api__Keys__N__Name={name}");
        console.Error.WriteLine($"Api__Keys__N__Sha256={entry.Sha256}");
        for (var i = 0; i < scopes.Count; i++)
            console.Error.WriteLine($"Api__Keys__N__Scopes__{i}={scopes[i]}");
        return ExitCode.Success;
    }
}
