using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Doctor;

/// <summary>agcam doctor: shows what agcam finds on this machine, and its problems.</summary>
internal static class DoctorVerb
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "One JSON object." };
        var command = new Command(
            "doctor",
            "Shows device, backend, threads, versions, caches and problems. Exit code 2 when agcam cannot run."
        )
        {
            json,
        };
        command.SetAction(parsed =>
        {
            var found = Diagnosis.Make();
            if (parsed.GetValue(json))
                parsed.Console.Output.WriteLine(JsonSerializer.Serialize(found, Format));
            else
                Show(parsed.Console, found);
            return found.Ok ? ExitCode.Success : ExitCode.UsageError;
        });
        return command.WithExamples(
            new Example("Before a bug report", "agcam doctor"),
            new Example("In a script", "agcam doctor --json | jq .problems")
        );
    }

    private static void Show(CommandConsole console, Diagnosis found)
    {
        foreach (var (name, value) in found.Facts)
            Field.Write(console, name, value);
        if (found.Problems.Count > 0)
            console.Output.WriteLine();
        foreach (var problem in found.Problems)
            Field.Write(console, problem.Fatal ? "ERROR" : "warning", $"{problem.What} {problem.Advice}".TrimEnd());
        console.Output.WriteLine();
        console.Output.WriteLine(
            found.Ok ? "agcam can run on this machine." : "agcam cannot run on this machine until the errors are fixed."
        );
    }
}
