using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using AgCam.Cli.Options;
using AgCam.Cli.Remote;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Jobs;

/// <summary>agcam jobs: lists, follows and changes the jobs of a running agcam.</summary>
internal static class JobsVerb
{
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    public static Command Create() =>
        new("jobs", "Lists, follows, changes and exports the jobs of a server.")
        {
            List(),
            Show(),
            ItemsVerb.Create(),
            FailuresVerb.Create(),
            Watch(),
            Change("pause", "Pauses a job until it is resumed."),
            Change("resume", "Resumes a paused job."),
            Change("cancel", "Cancels a job; stored results stay."),
            Change("retry", "Retries a job's failed images, as a child job."),
            ExportVerb.Create(),
            RemoveVerb.Create(),
        };

    /// <summary>Creates a verb on one job.</summary>
    internal static Command OfOne(
        string name,
        string description,
        Func<ParseResult, ApiClient, string, CancellationToken, Task<int>> run,
        params IReadOnlyList<Option> options
    )
    {
        var (remote, id) = (new RemoteOptions(), JobId.Argument());
        var command = new Command(name, description) { id };
        foreach (var option in options)
            command.Options.Add(option);
        remote.AddTo(command);
        command.SetAction(
            (parsed, cancellationToken) =>
                remote.RunAsync(
                    parsed,
                    async client =>
                        await run(parsed, client, await JobId.FindAsync(client, parsed.GetValue(id)!, cancellationToken), cancellationToken)
                )
        );
        return command;
    }

    private static Command List()
    {
        var remote = new RemoteOptions();
        var tag = new Option<string?>("--tag") { Description = "Only jobs with this tag.", HelpName = "TAG" };
        var state = new Option<string?>("--state") { Description = "running, paused, cancelled or completed.", HelpName = "STATE" };
        state.AcceptOnly("running", "paused", "cancelled", "completed");
        var limit = new Option<int>("--limit")
        {
            Description = "Maximum number of jobs, newest first.",
            DefaultValueFactory = _ => 20,
            HelpName = "N",
        };
        var json = new Option<bool>("--json") { Description = "Write one JSON object per line." };
        var command = new Command("list", "Lists jobs, newest first.") { tag, state, limit, json };
        remote.AddTo(command);
        command.SetAction(
            (parsed, cancellationToken) =>
                remote.RunAsync(
                    parsed,
                    async client =>
                    {
                        var query =
                            $"/v1/jobs?limit={parsed.GetValue(limit)}"
                            + (parsed.GetValue(tag) is { } t ? $"&tag={Uri.EscapeDataString(t)}" : "")
                            + (parsed.GetValue(state) is { } s ? $"&state={Uri.EscapeDataString(s)}" : "");
                        var jobs = (await client.GetAsync(query, cancellationToken))!["items"]!.AsArray().Select(job => job!).ToList();
                        if (parsed.GetValue(json))
                            foreach (var job in jobs)
                                parsed.Console.Output.WriteLine(job.ToJsonString());
                        else if (jobs.Count > 0)
                            parsed.Console.Output.Write(JobTable.Render(jobs, parsed.Console.Width));
                        else
                            parsed.Console.Error.WriteLine("agcam: no jobs.");
                        return ExitCode.Success;
                    }
                )
        );
        return command.WithExamples(
            new("The newest jobs, with date, tags and model", "agcam jobs list"),
            new("The ids of running jobs with a tag", "agcam jobs list --state running --tag nightly --json | jq -r .id")
        );
    }

    private static Command Show() =>
        OfOne(
                "show",
                "Shows a job, as JSON.",
                async (parsed, client, id, cancellationToken) =>
                {
                    parsed.Console.Output.WriteLine((await client.GetAsync($"/v1/jobs/{id}", cancellationToken))!.ToJsonString(Indented));
                    return ExitCode.Success;
                }
            )
            .WithExamples(new Example("By the first characters of its id", "agcam jobs show 0198c0de"));

    private static Command Watch()
    {
        var json = new Option<bool>("--json") { Description = "Write the job as JSON when it has ended." };
        var maxFailures = new Option<long>("--max-failures")
        {
            Description = "Failed images that still count as success; more give exit code 3.",
            HelpName = "N",
        };
        var summary = SummaryFile.Option();
        return OfOne(
                "watch",
                "Follows a job until it has ended. Exit code 0 when completed, 3 with failures, 2 when cancelled or paused.",
                (parsed, client, id, cancellationToken) =>
                    JobLines.FollowAsync(
                        client,
                        id,
                        new FollowOptions(parsed.Console, parsed.GetValue(json), parsed.GetValue(maxFailures), parsed.GetValue(summary)),
                        cancellationToken
                    ),
                json,
                maxFailures,
                summary
            )
            .WithExamples(new Example("To its end, with the failures by reason", "agcam jobs watch 0198c0de"));
    }

    private static Command Change(string name, string description) =>
        OfOne(
                name,
                description,
                async (parsed, client, id, cancellationToken) =>
                {
                    var job = await client.SendAsync(HttpMethod.Post, $"/v1/jobs/{id}/{name}", null, null, cancellationToken);
                    parsed.Console.Output.WriteLine(JobLines.Line(job!));
                    return ExitCode.Success;
                }
            )
            .WithExamples(new Example("By the first characters of its id", $"agcam jobs {name} 0198c0de"));
}
