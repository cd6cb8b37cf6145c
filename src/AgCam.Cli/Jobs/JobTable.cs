using System.Globalization;
using System.Text.Json.Nodes;
using AgCam.Cli.Remote;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Jobs;

/// <summary>Writes jobs as a table: id and date, state and counts, source with model and tags.</summary>
internal static class JobTable
{
    /// <summary>Returns the table as text.</summary>
    /// <param name="width">Columns of the terminal.</param>
    public static string Render(IReadOnlyList<JsonNode> jobs, int width) =>
        TextTable.Render(
            ["JOB", "STATE, IMAGES", "SOURCE, MODEL, TAGS"],
            jobs,
            job => [$"{JobLines.ShortId(job)}\n{Date(job)}", $"{(string?)job["state"]}\n{Images(job)}"],
            Source,
            width
        );

    private static string Date(JsonNode job) =>
        DateTimeOffset
            .Parse((string)job["created"]!, CultureInfo.InvariantCulture)
            .ToLocalTime()
            .ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    private static string Images(JsonNode job)
    {
        var progress = job["progress"]!;
        var (completed, failed) = ((int)progress["completed"]!, (int)progress["failed"]!);
        var total = (int?)job["images"] is { } images ? string.Create(CultureInfo.InvariantCulture, $" of {images:N0}") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{completed:N0}{total}, {failed:N0} failed");
    }

    private static string Source(JsonNode job, int width)
    {
        var tags = job["tags"]!.AsArray().Select(tag => (string)tag!).ToList();
        var about = (string)job["model"]!["id"]! + (tags.Count > 0 ? $", {string.Join(", ", tags)}" : "");
        var source = Screen.Printable((string)job["source"]!);
        var reason = (string?)job["reason"] is { } text ? $"\n{TextTable.Start(Screen.Printable(text), width)}" : "";
        return $"{TextTable.End(source, width)}\n{TextTable.Start(Screen.Printable(about), width)}{reason}";
    }
}
