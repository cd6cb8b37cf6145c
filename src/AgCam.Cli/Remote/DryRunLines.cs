using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace AgCam.Cli.Remote;

/// <summary>Formats the report of a dry run as text.</summary>
internal static class DryRunLines
{
    public static string Of(string source, JsonNode report)
    {
        var text = new StringBuilder();

        var (sampled, readable, labelled) = ((int)report["sampled"]!, (int)report["readable"]!, (int)report["labelled"]!);
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"{source}: {((bool)report["isWhole"]! ? "" : "at least ")}{(int)report["images"]!:N0} images"
        );
        text.Append(CultureInfo.InvariantCulture, $"  readable       {readable} of {sampled} sampled");
        if (report["failures"]!.AsObject() is { Count: > 0 } failures)
        {
            var reasons = string.Join(", ", failures.Select(item => $"{item.Value} {item.Key}"));
            text.Append(CultureInfo.InvariantCulture, $" ({reasons}): {(string?)report["example"]}");
        }
        text.AppendLine();
        var known = labelled == 0 ? "none" : $"{(int)report["labelsOfModel"]!} of {labelled} are classes of the model";
        text.Append(CultureInfo.InvariantCulture, $"  labels         {known}");
        if (report["unknownLabels"]!.AsArray() is { Count: > 0 } unknown)
            text.Append(CultureInfo.InvariantCulture, $"; not {string.Join(", ", unknown.Select(item => $"\"{item}\""))}");
        text.AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"  time           {Time(report)}");
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"  store          about {(long)report["storeBytes"]! / 1e6:N1} MB, {(int)report["storeBytesPerImage"]!:N0} bytes per image"
        );
        return text.ToString().TrimEnd();
    }

    private static string Time(JsonNode report)
    {
        if ((double?)report["hours"] is not { } hours)
            return $"unknown. {(string?)report["hoursUnknown"]}";
        var from =
            (string?)report["paceFrom"] == "sample"
                ? $"the pace of one worker with {(int)report["paceImages"]!} images of the sample; several workers are faster"
                : "the pace of the model's last chunks";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"about {hours:0.##} hours at {(double)report["imagesPerSecond"]!:0.#} images/s, {from}"
        );
    }
}
