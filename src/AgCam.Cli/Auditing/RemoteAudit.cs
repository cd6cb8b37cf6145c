using System.Globalization;
using System.Text.Json.Nodes;
using AgCam.Api.Resources;
using AgCam.Cli.Jobs;
using AgCam.Cli.Remote;
using AgCam.Cli.Terminal;
using AgCam.Pipeline.Records;

namespace AgCam.Cli.Auditing;

/// <summary>Submits an audit to a running pipeline as a job, follows it to its end and fetches its report.</summary>
/// <param name="Source">Images below a folder that the server may read, another source of jobs, or a job of the server.</param>
/// <param name="Labels">parent, or null.</param>
/// <param name="Model">Name of a model on the server; null for its only model.</param>
/// <param name="Key">Idempotency key; null for a new one.</param>
internal sealed record RemoteAudit(string Source, string? Labels, string? Splits, string? Model, string? Key, AuditSpec Spec)
{
    private const int Examples = 3;
    private const int Columns = 80;

    /// <param name="folder">Folder for audit.json and findings.jsonl; null for none.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="UsageException">The job was refused, cancelled or paused.</exception>
    public async Task<int> RunAsync(
        ApiClient client,
        CommandConsole console,
        string? folder,
        bool asJson,
        CancellationToken cancellationToken
    )
    {
        var body = await BodyAsync(client, cancellationToken);
        var key = Key ?? Guid.NewGuid().ToString();
        var id = (string)(await client.PostAsync("/v1/jobs", body, key, cancellationToken))!["id"]!;
        console.Error.WriteLine($"agcam: job {id}. It continues without this command. To follow it again, add --key {key}.");
        var job = await JobLines.ToEndAsync(client, id, console.Error.WriteLine, cancellationToken);
        if ((string?)job["state"] != JobLines.Completed)
            throw new UsageException(
                $"Job {id} is {((string?)job["state"])?.ToLowerInvariant()}: {(string?)job["reason"] ?? "no reason was given"}."
            );
        var report = (await client.GetAsync($"/v1/jobs/{id}/audit", cancellationToken))!;
        if (folder is not null)
            await SaveAsync(client, id, folder, cancellationToken);
        if (asJson)
            console.Output.WriteLine(report.ToJsonString());
        else
            Write(report, id, folder, console.Output);
        return report["gates"]!.AsArray().Any(gate => (bool)gate!["violated"]!) ? ExitCode.Different : ExitCode.Success;
    }

    private async Task<JobRequest> BodyAsync(ApiClient client, CancellationToken cancellationToken)
    {
        var source = Source;
        if (Path.Exists(Source))
        {
            var images = AuditSource.Of(Source, Labels);
            if (Splits is not null && !images.HasColumns)
                throw new UsageException("--splits does not go with a folder, which has no columns. Leave it out.");
            source = images.Source;
        }
        else if (Labels is not null)
            throw new UsageException("--labels takes parent for a folder of this machine. Use classes:FOLDER as the source instead.");
        else if (!Source.Contains(':', StringComparison.Ordinal))
            source = $"{AuditSpec.Source}{await JobId.FindAsync(client, Source, cancellationToken)}";
        return new JobRequest
        {
            Source = source,
            Model = Model,
            Audit = Spec,
            Options = Splits is { } column ? new Dictionary<string, string> { ["column.split"] = column } : null,
        };
    }

    private static async Task SaveAsync(ApiClient client, string id, string folder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        using var report = new AtomicFile(Path.Combine(folder, "audit.json"));
        await using (var from = await client.OpenAsync($"/v1/jobs/{id}/audit", cancellationToken))
            await from.CopyToAsync(report.Stream, cancellationToken);
        using var findings = new AtomicFile(Path.Combine(folder, "findings.jsonl"));
        await using (var to = new StreamWriter(findings.Stream, leaveOpen: true))
        {
            var first = $"/v1/jobs/{id}/findings?limit=1000";
            for (var next = first; next is not null; )
            {
                var page = (await client.GetAsync(next, cancellationToken))!;
                foreach (var finding in page["items"]!.AsArray())
                    await to.WriteLineAsync(finding!.ToJsonString());
                next = (string?)page["next"] is { } cursor ? $"{first}&cursor={cursor}" : null;
            }
        }
        report.Commit();
        findings.Commit();
    }

    private static void Write(JsonNode report, string id, string? folder, TextWriter to)
    {
        var culture = CultureInfo.InvariantCulture;
        to.WriteLine(string.Create(culture, $"{(long)report["images"]!:N0} images, {(long)report["labelled"]!:N0} with a known label"));
        foreach (var finding in report["findings"]!.AsArray().Where(finding => (long)finding!["scored"]! > 0))
        {
            to.WriteLine();
            to.WriteLine(
                string.Create(
                    culture,
                    $"{(string)finding!["name"]!}: {(long)finding["count"]!:N0} of {(long)finding["scored"]!:N0} to review "
                        + $"({100 * (double)finding["share"]!:0.0} %)"
                )
            );
            foreach (var image in finding["items"]!.AsArray().Where(image => (bool)image!["isIssue"]!).Take(Examples))
                Lines(to, (string?)image!["path"] ?? "", (string)image["reason"]!);
            foreach (var group in finding["groups"]!.AsArray().Take(Examples))
                Lines(
                    to,
                    string.Join('\n', group!["paths"]!.AsArray().Take(Examples).Select(path => (string?)path)),
                    $"{(string)group["kind"]!}, {group["paths"]!.AsArray().Count} images"
                );
            foreach (var found in finding["classes"]!.AsArray().Where(found => (bool)found!["isIssue"]!).Take(Examples))
                Lines(
                    to,
                    $"{(string)found!["class"]!["name"]!}{((string?)found["status"] is { } status ? $" ({status})" : "")}",
                    (string)found["reason"]!
                );
            foreach (var slice in finding["slices"]!.AsArray().Where(slice => (bool)slice!["isIssue"]!).Take(Examples))
                Lines(to, $"{(string)slice!["column"]!} = {(string)slice["value"]!}", (string)slice["reason"]!);
        }
        to.WriteLine();
        foreach (var gate in report["gates"]!.AsArray())
            to.WriteLine(
                string.Create(
                    culture,
                    $"Gate {(string)gate!["finding"]!}: {(double)gate["measured"]!:0.##} {(string)gate["unit"]!}, limit "
                        + $"{(double)gate["limit"]!:0.##}: {((bool)gate["violated"]! ? "violated" : "passed")}"
                )
            );
        to.WriteLine($"The whole report: GET /v1/jobs/{id}/audit; what was found: /v1/jobs/{id}/findings");
        to.WriteLine(folder is null ? "Next: --out DIR writes both as files." : $"Next: review {Path.Combine(folder, "findings.jsonl")}.");
    }

    private static void Lines(TextWriter to, string paths, string reason)
    {
        foreach (var path in paths.Split('\n'))
            to.WriteLine($"  {Screen.Printable(path)}");
        to.WriteLine("      " + Field.Wrapped(Screen.Printable(reason), Columns, 6));
    }
}
