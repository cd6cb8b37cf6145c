using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using AgCam.Cli.Terminal;

namespace AgCam.Cli.Remote;

/// <summary>Formats the report of a dry run as text.</summary>
internal static class DryRunLines
{
    /// <summary>Columns before a value.</summary>
    private const int Indent = 17;

    /// <param name="width">Columns of the terminal.</param>
    public static string Of(string source, JsonNode report, int width)
    {
        var text = new StringBuilder();

        var (sampled, readable, labelled) = ((int)report["sampled"]!, (int)report["readable"]!, (int)report["labelled"]!);
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"{source}: {((bool)report["isWhole"]! ? "" : "at least ")}{(int)report["images"]!:N0} images"
        );
        var failed = "";
        if (report["failures"]!.AsObject() is { Count: > 0 } failures)
            failed = $" ({string.Join(", ", failures.Select(item => $"{item.Value} {item.Key}"))}): {(string?)report["example"]}";
        Line("readable", string.Create(CultureInfo.InvariantCulture, $"{readable} of {sampled} sampled{failed}"));
        var known = labelled == 0 ? "none" : $"{(int)report["labelsOfModel"]!} of {labelled} are classes of the model";
        var others = report["unknownLabels"]!.AsArray() is { Count: > 0 } unknown
            ? $"; not {string.Join(", ", unknown.Select(item => $"\"{item}\""))}"
            : "";
        Line("labels", known + others);
        Line("time", Time(report));
        Line(
            "store",
            string.Create(
                CultureInfo.InvariantCulture,
                $"about {(long)report["storeBytes"]! / 1e6:N1} MB, {(int)report["storeBytesPerImage"]!:N0} bytes per image"
            )
        );
        return text.ToString().TrimEnd();

        void Line(string name, string value) => text.AppendLine($"  {name, -14} {Field.Wrapped(Screen.Printable(value), width, Indent)}");
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
            $"about {Progress.Duration(TimeSpan.FromHours(hours))} at {(double)report["imagesPerSecond"]!:0.#} images/s, {from}"
        );
    }
}
