using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using AgCam.Cli.Remote;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Jobs;

/// <summary>agcam jobs rm: deletes one job, or all jobs that ended before a time.</summary>
internal sealed class RemoveVerb
{
    private readonly Argument<string?> Id = JobId.OptionalArgument();

    private readonly Option<string?> Tag = new("--tag") { Description = "Only jobs with this tag.", HelpName = "TAG" };
    private readonly Option<TimeSpan?> OlderThan = new("--older-than")
    {
        Description = "Instead of one job, delete all jobs that ended longer ago, e.g. 30d, 12h, 8w.",
        HelpName = "AGE",
        CustomParser = Age.Parse,
    };

    private readonly Option<bool> DryRun = new("--dry-run") { Description = "Only count the jobs." };
    private readonly Option<bool> Yes = new("--yes", "-y") { Description = "Delete the jobs. Without it nothing is deleted." };

    public static Command Create() => new RemoveVerb().Build();

    private Command Build()
    {
        var remote = new RemoteOptions();
        var command = new Command("rm", "Deletes a job and its items, or all jobs that ended longer ago than --older-than.")
        {
            Id,
            Tag,
            OlderThan,
            DryRun,
            Yes,
        };
        remote.AddTo(command);
        command.SetAction((parsed, cancellationToken) => remote.RunAsync(parsed, client => RunAsync(parsed, client, cancellationToken)));
        return command.WithExamples(
            new Example("How many jobs with a tag ended more than 30 days ago", "agcam jobs rm --tag nightly --older-than 30d --dry-run"),
            new Example("Delete them, with their items", "agcam jobs rm --tag nightly --older-than 30d --yes")
        );
    }

    private async Task<int> RunAsync(ParseResult parsed, ApiClient client, CancellationToken cancellationToken)
    {
        switch (parsed.GetValue(Id), parsed.GetValue(OlderThan))
        {
            case ({ } id, null) when parsed.GetValue(Tag) is null && !parsed.GetValue(DryRun):
                var whole = await JobId.FindAsync(client, id, cancellationToken);
                await client.SendAsync(HttpMethod.Delete, $"/v1/jobs/{whole}", null, null, cancellationToken);
                return ExitCode.Success;
            case (null, { } age):
                return await RemoveEndedAsync(parsed, client, DateTimeOffset.UtcNow - age, cancellationToken);
            default:
                throw new UsageException(
                    "`agcam jobs rm` takes either the ID of one job, or --older-than AGE for many, e.g. --older-than 30d."
                );
        }
    }

    private async Task<int> RemoveEndedAsync(
        ParseResult parsed,
        ApiClient client,
        DateTimeOffset before,
        CancellationToken cancellationToken
    )
    {
        var address =
            string.Create(CultureInfo.InvariantCulture, $"/v1/jobs?before={before.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}")
            + (parsed.GetValue(Tag) is { } tag ? $"&tag={Uri.EscapeDataString(tag)}" : "");
        if (parsed.GetValue(DryRun) || !parsed.GetValue(Yes))
        {
            var would = (await client.SendAsync(HttpMethod.Delete, $"{address}&dryRun=true", null, null, cancellationToken))!;
            if (!parsed.GetValue(DryRun) && (long)would["jobs"]! > 0)
                throw new UsageException($"{Text(would)} would be deleted, with all their items. Give --yes to delete them.");
            parsed.Console.Output.WriteLine($"{Text(would)} would be deleted.");
            return ExitCode.Success;
        }
        var (jobs, images) = (0L, 0L);
        while (true)
        {
            var part = (await client.SendAsync(HttpMethod.Delete, address, null, null, cancellationToken))!;
            jobs += (long)part["jobs"]!;
            images += (long)part["images"]!;
            if ((long)part["remaining"]! == 0)
                break;
            if ((long)part["jobs"]! == 0)
                throw new UsageException($"{part["remaining"]} jobs could not be deleted; {jobs} were. See the log of the API.");
            parsed.Console.Error.WriteLine($"{jobs:N0} deleted, {(long)part["remaining"]!:N0} left");
        }
        parsed.Console.Output.WriteLine($"{Text(new JsonObject { ["jobs"] = jobs, ["images"] = images })} deleted.");
        return ExitCode.Success;
    }

    private static string Text(JsonNode counts) =>
        string.Create(CultureInfo.InvariantCulture, $"{(long)counts["jobs"]!:N0} jobs with {(long)counts["images"]!:N0} images");
}
