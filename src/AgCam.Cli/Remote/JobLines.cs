using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Remote;

/// <summary>Formats jobs as lines, and follows a job to its end.</summary>
internal static class JobLines
{
    /// <summary>Maximum number of failures that are counted by reason: 10 requests.</summary>
    private const int MaxCountedFailures = 10_000;

    /// <summary>Keeps a collected log short: not a line for every chunk.</summary>
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    /// <summary>Time in which a restarting server answers again.</summary>
    private static readonly TimeSpan MaxSilence = TimeSpan.FromMinutes(5);

    /// <summary>Length of a shortened id: the time of a job to the millisecond.</summary>
    private const int ShortLength = 13;

    /// <summary>Returns the first characters of the job's id, which every verb accepts.</summary>
    public static string ShortId(JsonNode job) => ((string)job["id"]!)[..ShortLength];

    /// <summary>Returns a job as one line: id, state, counts, accuracy, reason.</summary>
    public static string Line(JsonNode job, IReadOnlyDictionary<string, int>? failures = null)
    {
        var progress = job["progress"]!;
        var labelled = (int)progress["labelled"]!;
        var accuracy =
            labelled > 0
                ? string.Create(CultureInfo.InvariantCulture, $" ({100.0 * (int)progress["correct"]! / labelled:0.0}% correct)")
                : "";
        var reason = (string?)job["reason"] is { } text ? $"  ({text})" : "";
        return $"{(string?)job["id"]}  {(string?)job["state"], -9}  {Counts(job, accuracy, failures)}{reason}";
    }

    /// <summary>
    /// Returns e.g. "3 explained, 4 failed: 3 unsupported, 1 corrupt" of a job that has ended, else "3 explained, 4 failed of 9".
    /// </summary>
    private static string Counts(JsonNode job, string accuracy, IReadOnlyDictionary<string, int>? failures)
    {
        var progress = job["progress"]!;
        var done = (string?)job["kind"] == "evaluation" ? "measured" : "explained";
        var counts = string.Create(
            CultureInfo.InvariantCulture,
            $"{(int)progress["completed"]!:N0} {done}{accuracy}, {(int)progress["failed"]!:N0} failed"
        );
        if ((string?)job["state"] != Completed)
            return counts + ((int?)job["images"] is { } images ? string.Create(CultureInfo.InvariantCulture, $" of {images:N0}") : "");
        if (failures is not { Count: > 0 })
            return counts;
        var reasons = failures
            .OrderByDescending(failure => failure.Value)
            .ThenBy(failure => failure.Key, StringComparer.Ordinal)
            .Select(failure => string.Create(CultureInfo.InvariantCulture, $"{failure.Value:N0} {failure.Key}"));
        return $"{counts}: {string.Join(", ", reasons)}";
    }

    /// <summary>
    /// Follows the job across restarts of the server. Writes a line to stderr when the state changes and every ten seconds, and the final
    /// line to stdout.
    /// </summary>
    /// <returns>0; 3 with more failures than allowed; 2 when it was cancelled or is paused.</returns>
    /// <exception cref="HttpRequestException">The server does not answer, or has not answered for five minutes.</exception>
    public static async Task<int> FollowAsync(ApiClient client, string id, FollowOptions options, CancellationToken cancellationToken)
    {
        var job = await ToEndAsync(client, id, options.Console.Error.WriteLine, cancellationToken);
        return (string?)job["state"] == Paused
            ? SummaryFile.Write(options.SummaryFile, ExitCode.UsageError, Summary(job))
            : End(job, await FailuresAsync(client, job, cancellationToken), options);
    }

    /// <summary>Counts an ended job's failures by reason. Null when there are too many to read for one line.</summary>
    private static async Task<Dictionary<string, int>?> FailuresAsync(ApiClient client, JsonNode job, CancellationToken cancellationToken)
    {
        if ((int)job["progress"]!["failed"]! > MaxCountedFailures)
            return null;
        var reasons = new Dictionary<string, int>();
        await foreach (var item in FailedAsync(client, (string)job["id"]!, cancellationToken))
            reasons[(string)item["reason"]!] = reasons.GetValueOrDefault((string)item["reason"]!) + 1;
        return reasons;
    }

    /// <summary>Returns a job's failed items, in the order of their numbers.</summary>
    public static async IAsyncEnumerable<JsonNode> FailedAsync(
        ApiClient client,
        string id,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var first = $"/v1/jobs/{id}/items?status=failed&limit=1000";
        for (var next = first; next is not null; )
        {
            var page = (await client.GetAsync(next, cancellationToken))!;
            foreach (var item in page["items"]!.AsArray())
                yield return item!;
            next = (string?)page["next"] is { } cursor ? $"{first}&cursor={cursor}" : null;
        }
    }

    public const string Paused = "Paused",
        Completed = "Completed";

    /// <summary>Follows the job and reports its state.</summary>
    /// <param name="note">Writes a line to stderr.</param>
    /// <returns>The job when it has ended or is paused. A pause has been reported.</returns>
    /// <exception cref="HttpRequestException">The server does not answer, or has not for five minutes.</exception>
    public static async Task<JsonNode> ToEndAsync(ApiClient client, string id, Action<string> note, CancellationToken cancellationToken)
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
                        note(Line(job));
                        (written, state) = (lastEvent, (string?)job["state"] ?? "");
                    }
                    if (state == Paused)
                    {
                        var next =
                            (bool?)job["canResume"] == false
                                ? $"It can never run: cancel it with `agcam jobs cancel {id}` and submit a new one."
                                : $"Continue with `agcam jobs resume {id}`.";
                        note($"agcam: The job is paused: {(string?)job["reason"]} {next}");
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
                // The connection broke; the job continues. Connect again.
            }
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
        }
    }

    private static int End(JsonNode job, Dictionary<string, int>? failures, FollowOptions options)
    {
        options.Console.Output.WriteLine(options.Json ? job.ToJsonString() : Line(job, failures));
        var code =
            (string?)job["state"] != Completed ? ExitCode.UsageError
            : (long)job["progress"]!["failed"]! > options.MaxFailures ? ExitCode.TooManyFailures
            : ExitCode.Success;
        return SummaryFile.Write(options.SummaryFile, code, Summary(job));
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

/// <summary>Options of following a job to its end.</summary>
/// <param name="Json">Whether the ended job is written as JSON.</param>
/// <param name="MaxFailures">Maximum number of failed images for exit code 0.</param>
internal sealed record FollowOptions(CommandConsole Console, bool Json, long MaxFailures, string? SummaryFile);
