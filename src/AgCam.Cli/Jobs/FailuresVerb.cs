using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using AgCam.Cli.Options;
using AgCam.Cli.Remote;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Jobs;

/// <summary>agcam jobs failures ID: counts a job's failures by reason and lists the images.</summary>
internal static class FailuresVerb
{
    public static Command Create()
    {
        var limit = new Option<int>("--limit")
        {
            Description = "Maximum number of listed images. All are counted.",
            DefaultValueFactory = _ => 20,
            HelpName = "N",
        };
        limit.Within(0, 100_000);
        var json = new Option<bool>("--json") { Description = "Write one JSON object: job, failed, reasons and items." };
        return JobsVerb
            .OfOne(
                "failures",
                "Counts a job's failures by reason and lists the images.",
                async (parsed, client, id, cancellationToken) =>
                {
                    var (reasons, images) = (new Dictionary<string, int>(StringComparer.Ordinal), new List<JsonNode>());
                    await foreach (var item in JobLines.FailedAsync(client, id, cancellationToken))
                    {
                        var reason = (string)item["reason"]!;
                        reasons[reason] = reasons.GetValueOrDefault(reason) + 1;
                        if (images.Count < parsed.GetValue(limit))
                            images.Add(item);
                    }
                    if (parsed.GetValue(json))
                        parsed.Console.Output.WriteLine(Json(id, reasons, images).ToJsonString());
                    else
                        Show(parsed.Console, id, reasons, images);
                    return ExitCode.Success;
                },
                limit,
                json
            )
            .WithExamples(
                new("Reasons and the first images", "agcam jobs failures 0198c0de"),
                new("Only the counts, as JSON", "agcam jobs failures 0198c0de --limit 0 --json"),
                new("Try them again, as a child job", "agcam jobs retry 0198c0de")
            );
    }

    private static JsonObject Json(string id, Dictionary<string, int> reasons, List<JsonNode> images) =>
        new()
        {
            ["job"] = id,
            ["failed"] = reasons.Values.Sum(),
            ["reasons"] = new JsonObject(Ordered(reasons).Select(reason => KeyValuePair.Create(reason.Key, (JsonNode?)reason.Value))),
            ["items"] = new JsonArray([.. images.Select(item => item.DeepClone())]),
        };

    private static void Show(CommandConsole console, string id, Dictionary<string, int> reasons, List<JsonNode> images)
    {
        if (reasons.Count == 0)
        {
            console.Error.WriteLine($"agcam: no image of job {id} has failed.");
            return;
        }
        TextTable.Write(
            console,
            ["FAILED", "REASON"],
            Ordered(reasons).ToList(),
            reason => [string.Create(CultureInfo.InvariantCulture, $"{reason.Value:N0}")],
            (reason, _) => reason.Key
        );
        if (images.Count == 0)
            return;
        console.Output.WriteLine();
        TextTable.Write(
            console,
            ["NUMBER", "REASON", "IMAGE, DETAIL"],
            images,
            item => [$"{(int)item["number"]!}", (string)item["reason"]!],
            Detail
        );
        if (reasons.Values.Sum() - images.Count is > 0 and var more)
            console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"agcam: and {more:N0} more; --limit lists them."));
    }

    private static string Detail(JsonNode item, int width)
    {
        var detail = (string?)item["detail"] is { Length: > 0 } text ? $"\n{TextTable.Start(Screen.Printable(text), width)}" : "";
        return TextTable.End(Screen.Printable((string)item["uri"]!), width) + detail;
    }

    private static IEnumerable<KeyValuePair<string, int>> Ordered(Dictionary<string, int> reasons) =>
        reasons.OrderByDescending(reason => reason.Value).ThenBy(reason => reason.Key, StringComparer.Ordinal);
}
