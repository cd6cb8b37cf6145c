using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Remote;

/// <summary>Jobs as lines, and following one to its end.</summary>
internal static class JobLines
{
    /// <summary>A log that is collected wants a line now and then, not one for every chunk.</summary>
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    /// <summary>A server that is being replaced is back by then.</summary>
    private static readonly TimeSpan MaxSilence = TimeSpan.FromMinutes(5);

    public static string Line(JsonNode job)
    {
        var progress = job["progress"]!;
        var (completed, failed) = ((int)progress["completed"]!, (int)progress["failed"]!);
        var labelled = (int)progress["labelled"]!;
        return string.Create(
                CultureInfo.InvariantCulture,
                $"{(string?)job["id"]}  {(string?)job["state"], -9}  {completed + failed, 9:N0} of "
                    + $"{((int?)job["images"] is { } images ? images.ToString("N0", CultureInfo.InvariantCulture) : "?"), -9} {failed, 7:N0} failed  "
            )
            + (
                labelled > 0
                    ? string.Create(CultureInfo.InvariantCulture, $"{100.0 * (int)progress["correct"]! / labelled:0.0}% right  ")
                    : ""
            )
            + $"{(string?)job["source"]}{((string?)job["reason"] is { } reason ? $"  ({reason})" : "")}";
    }

    /// <summary>
    /// Follows the job, through restarts of the server: a line on stderr when its state changes and every ten seconds, its end as one
    /// on stdout.
    /// </summary>
    /// <returns>0, 3 with more failures than allowed, 2 when it was cancelled or is paused.</returns>
    /// <exception cref="HttpRequestException">The server does not answer, or has not for five minutes.</exception>
    public static async Task<int> FollowAsync(
        ApiClient client,
        string id,
        bool json,
        long maxFailures,
        string? summaryFile,
        CancellationToken cancellationToken
    )
    {
        var job = await ToEndAsync(client, id, cancellationToken);
        return (string?)job["state"] == Paused
            ? SummaryFile.Write(summaryFile, ExitCode.UsageError, Summary(job))
            : End(job, json, maxFailures, summaryFile);
    }

    public const string Paused = "Paused",
        Completed = "Completed";

    /// <summary>Follows the job, writing to stderr only.</summary>
    /// <returns>The job as it has ended, or is paused, which has been told.</returns>
    /// <exception cref="HttpRequestException">The server does not answer, or has not for five minutes.</exception>
    public static async Task<JsonNode> ToEndAsync(ApiClient client, string id, CancellationToken cancellationToken)
    {
        var (written, state, lastEvent) = ((long?)null, "", (long?)null);
        while (true)
        {
            try
            {
                await using var stream = await client.OpenAsync($"/v1/jobs/{id}/events", cancellationToken);
                await foreach (var received in SseParser.Create(stream).EnumerateAsync(cancellationToken))
                {
                    var job = JsonNode.Parse(received.Data)!;
                    lastEvent = TimeProvider.System.GetTimestamp();
                    if (received.EventType == "ended")
                        return job;
                    if (
                        (string?)job["state"] != state
                        || written is not { } line
                        || TimeProvider.System.GetElapsedTime(line) >= BetweenLines
                    )
                    {
                        Console.Error.WriteLine(Line(job));
                        (written, state) = (lastEvent, (string?)job["state"] ?? "");
                    }
                    if (state == Paused)
                    {
                        Console.Error.WriteLine($"agcam: The job is paused: {(string?)job["reason"]} Go on with `agcam jobs resume {id}`.");
                        return job;
                    }
                }
            }
            catch (Exception broken)
                when (broken is IOException or HttpRequestException
                    && lastEvent is { } last
                    && TimeProvider.System.GetElapsedTime(last) < MaxSilence
                )
            {
                // The connection broke; the job did not. Ask again.
            }
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
        }
    }

    private static int End(JsonNode job, bool json, long maxFailures, string? summaryFile)
    {
        Console.Out.WriteLine(json ? job.ToJsonString() : Line(job));
        var code =
            (string?)job["state"] != Completed ? ExitCode.UsageError
            : (long)job["progress"]!["failed"]! > maxFailures ? ExitCode.TooManyFailures
            : ExitCode.Success;
        return SummaryFile.Write(summaryFile, code, Summary(job));
    }

    private static JsonObject Summary(JsonNode job) =>
        new()
        {
            ["job"] = (string?)job["id"],
            ["state"] = (string?)job["state"],
            ["reason"] = (string?)job["reason"],
            ["source"] = (string?)job["source"],
            ["images"] = (int?)job["images"],
            ["completed"] = (int)job["progress"]!["completed"]!,
            ["failed"] = (int)job["progress"]!["failed"]!,
            ["created"] = (string?)job["created"],
            ["finished"] = (string?)job["finished"],
        };
}
