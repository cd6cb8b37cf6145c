using System.CommandLine;
using AgCam.Api;
using AgCam.Api.Security;
using AgCam.Cli.Options;
using Microsoft.AspNetCore.Builder;

namespace AgCam.Cli.Serving;

/// <summary>agcam api: the API alone, beside workers of their own, over a broker.</summary>
internal static class ApiVerb
{
    public static Command Create()
    {
        var services = new ServiceOptions();
        var newKey = new Option<string?>("--new-key")
        {
            Description = "Draw an API key of this name, print it and its entry for the configuration, and end.",
            HelpName = "NAME",
        };
        var scopes = new Option<string[]>("--scope")
        {
            Description = $"Of the new key: {string.Join(", ", Scope.All)}. Repeatable. Default: submit and read.",
            HelpName = "SCOPE",
        };
        scopes.AcceptOnly([.. Scope.All]);
        var command = new Command("api", "Serves the API alone; workers take its requests from the broker.") { newKey, scopes };
        services.AddTo(command, api: true, worker: false, bus: true);
        command.SetAction(
            (parsed, cancellationToken) =>
            {
                if (parsed.GetValue(newKey) is { } name)
                    return Task.FromResult(
                        Draw(name, parsed.GetValue(scopes) is { Length: > 0 } given ? given : [Scope.Submit, Scope.Read])
                    );
                return Service.RunAsync(async () =>
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
            new("Against a broker and a store", "agcam api --bus amqp://broker --store mongodb://store --model vit=/models/vit"),
            new("A key for a colleague", "agcam api --new-key anna --scope read")
        );
    }

    private static int Draw(string name, IReadOnlyList<string> scopes)
    {
        var (key, entry) = ApiKey.Create(name, scopes);
        Console.Out.WriteLine(key);
        Console.Error.WriteLine("agcam: it is shown this once. For the configuration, with N counted from 0:");
        Console.Error.WriteLine($"Api__Keys__N__Name={name}");
        Console.Error.WriteLine($"Api__Keys__N__Sha256={entry.Sha256}");
        for (var i = 0; i < scopes.Count; i++)
            Console.Error.WriteLine($"Api__Keys__N__Scopes__{i}={scopes[i]}");
        return ExitCode.Success;
    }
}
