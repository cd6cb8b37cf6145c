using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;

namespace AgCam.Cli.Remote;

/// <summary>Jobs as lines, and following one to its end.</summary>
internal static class JobLines
{
    public static string Line(JsonNode job)
    {
        var progress = job["progress"]!;
        var (completed, failed) = ((int)progress["completed"]!, (int)progress["failed"]!);
        var labelled = (int)progress["labelled"]!;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{(string?)job["id"]}  {(string?)job["state"],-9}  {completed + failed,9:N0} of {((int?)job["images"] is { } images ? images.ToString("N0", CultureInfo.InvariantCulture) : "?"),-9} {failed,7:N0} failed  ")
            + (labelled > 0 ? string.Create(CultureInfo.InvariantCulture, $"{100.0 * (int)progress["correct"]! / labelled:0.0}% right  ") : "")
            + $"{(string?)job["source"]}{((string?)job["reason"] is { } reason ? $"  ({reason})" : "")}";
    }

    /// <summary>Follows the job; each change is a line on stderr, the end one on stdout.</summary>
    /// <returns>0, 3 with more failures than allowed, 2 when it was cancelled.</returns>
    /// <exception cref="UsageException">The job is paused: somebody must act.</exception>
    public static async Task<int> Follow(ApiClient client, string id, bool json, long maxFailures, CancellationToken cancel)
    {
        while (true)
        {
            await using var stream = await client.OpenAsync($"/v1/jobs/{id}/events", cancel);
            try
            {
                await foreach (var told in SseParser.Create(stream).EnumerateAsync(cancel))
                {
                    var job = JsonNode.Parse(told.Data)!;
                    if (told.EventType == "ended")
                        return End(job, json, maxFailures);
                    Console.Error.WriteLine(Line(job));
                    if ((string?)job["state"] == "Paused")
                        throw new UsageException($"The job is paused: {(string?)job["reason"]} Go on with `agcam jobs resume {id}`.");
                }
            }
            catch (IOException)
            {
                // The connection broke; the job did not. Ask again.
            }
            await Task.Delay(TimeSpan.FromSeconds(1), cancel);
        }
    }

    private static int End(JsonNode job, bool json, long maxFailures)
    {
        Console.Out.WriteLine(json ? job.ToJsonString() : Line(job));
        return (string?)job["state"] != "Completed" ? ExitCode.Wrong
            : (long)job["progress"]!["failed"]! > maxFailures ? ExitCode.TooManyFailures
            : ExitCode.Fine;
    }
}
