using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using AgCam.Audit.Findings;
using AgCam.Audit.Gates;
using AgCam.Audit.Interventions;
using AgCam.Evaluation.Metrics;

namespace AgCam.Audit.Output;

/// <summary>Writes the report of an audit as one JSON object.</summary>
internal static class ReportJson
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="model">Name of the model or of the file with its predictions.</param>
    public static void Write(Stream to, AuditReport report, string model, ClassNames classes, IReadOnlyList<Gate> gates)
    {
        using var json = new Utf8JsonWriter(to, Indented);
        json.WriteStartObject();
        json.WriteNumber("images", report.Images);
        json.WriteString("model", model);
        json.WriteNumber("labelled", report.Labelled);
        json.WriteStartArray("findings");
        foreach (var finding in report.Findings)
            Write(json, finding, classes);
        json.WriteEndArray();
        json.WriteStartArray("gates");
        foreach (var gate in gates)
            Write(json, gate, report.Of(gate.Finding));
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Returns one JSON object in UTF-8 whose fields <paramref name="write"/> writes.</summary>
    public static byte[] Object(Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, Compact))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>Writes the fields of an image.</summary>
    public static void WriteFields(Utf8JsonWriter json, ListedImage image, ClassNames classes)
    {
        json.WriteNumber("number", image.Number);
        json.WriteString("path", image.Path);
        json.WriteNumber("score", image.Score);
        json.WriteBoolean("isIssue", image.IsIssue);
        json.WriteString("reason", image.Reason);
        WriteClass(json, "given", image.Given, classes);
        WriteClass(json, "likely", image.Likely, classes);
    }

    /// <summary>Writes the fields of a group, without its members.</summary>
    public static void WriteFields(Utf8JsonWriter json, FoundGroup group)
    {
        json.WriteString("kind", group.Kind);
        json.WriteNumber("score", group.Score);
        json.WriteStartArray("splits");
        foreach (var split in group.Splits)
            json.WriteStringValue(split);
        json.WriteEndArray();
    }

    /// <summary>Writes the fields of a class.</summary>
    public static void WriteFields(Utf8JsonWriter json, ListedClass found, ClassNames classes)
    {
        var (judged, examples) = found;
        WriteClass(json, "class", judged.Class, classes);
        json.WriteNumber("score", judged.Score);
        json.WriteBoolean("isIssue", judged.IsIssue);
        if (judged.PValue is { } pValue)
            json.WriteNumber("pValue", pValue);
        json.WriteString("reason", judged.Reason);
        json.WriteStartArray("patches");
        foreach (var (row, column) in judged.Patches)
        {
            json.WriteStartArray();
            json.WriteNumberValue(row);
            json.WriteNumberValue(column);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        WriteStatus(json, found);
        WriteMembers(json, examples);
    }

    /// <summary>Writes the fields of a slice.</summary>
    public static void WriteFields(Utf8JsonWriter json, ListedSlice found)
    {
        var (slice, examples) = found;
        json.WriteString("column", slice.Column);
        json.WriteString("value", slice.Value);
        json.WriteNumber("images", slice.Images);
        json.WriteNumber("score", slice.Score);
        json.WriteBoolean("isIssue", slice.IsIssue);
        json.WriteString("reason", slice.Reason);
        foreach (var measure in slice.Measures)
        {
            WriteEstimate(json, measure.Name, measure.Slice);
            WriteEstimate(json, $"{measure.Name}OfRest", measure.Rest);
        }
        WriteMembers(json, examples);
    }

    private static void Write(Utf8JsonWriter json, FindingReport finding, ClassNames classes)
    {
        json.WriteStartObject();
        json.WriteString("name", finding.Name);
        json.WriteString("level", finding.Level.ToString().ToLowerInvariant());
        json.WriteNumber("scored", finding.Scored);
        json.WriteNumber("count", finding.Count);
        json.WriteNumber("share", finding.Share);
        if (finding.Threshold is { } threshold)
            json.WriteNumber("threshold", threshold);
        json.WriteString("rule", finding.Rule);
        json.WriteString("needs", finding.Needs);
        json.WriteBoolean("property", finding.IsProperty);
        WriteImages(json, finding.Items, classes);
        WriteGroups(json, finding.Groups);
        WriteClasses(json, finding.Classes, classes);
        WriteSlices(json, finding.Slices);
        json.WriteEndObject();
    }

    private static void WriteImages(Utf8JsonWriter json, IReadOnlyList<ListedImage> images, ClassNames classes)
    {
        json.WriteStartArray("items");
        foreach (var image in images)
        {
            json.WriteStartObject();
            WriteFields(json, image, classes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteGroups(Utf8JsonWriter json, IReadOnlyList<ListedGroup> groups)
    {
        json.WriteStartArray("groups");
        foreach (var (group, members) in groups)
        {
            json.WriteStartObject();
            WriteMembers(json, members);
            WriteFields(json, group);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteClasses(Utf8JsonWriter json, IReadOnlyList<ListedClass> found, ClassNames classes)
    {
        json.WriteStartArray("classes");
        foreach (var judged in found)
        {
            json.WriteStartObject();
            WriteFields(json, judged, classes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteSlices(Utf8JsonWriter json, IReadOnlyList<ListedSlice> slices)
    {
        json.WriteStartArray("slices");
        foreach (var slice in slices)
        {
            json.WriteStartObject();
            WriteFields(json, slice);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteEstimate(Utf8JsonWriter json, string field, Estimate estimate)
    {
        json.WriteStartObject(field);
        json.WriteNumber("images", estimate.Images);
        json.WriteNumber("mean", estimate.Value);
        json.WriteNumber("low", estimate.Low);
        json.WriteNumber("high", estimate.High);
        json.WriteEndObject();
    }

    private static void WriteStatus(Utf8JsonWriter json, ListedClass listed)
    {
        if (listed.Status is not { } status)
            return;
        json.WriteString("status", status.Text());
        if (listed.Test is not { } test)
            return;
        if (test.Problem is { } problem)
            json.WriteString("problem", problem);
        var outcome = test.Confirmation;
        json.WriteNumber("tested", outcome.Images);
        if (outcome.Images > 0)
        {
            WriteInterval(json, "flipRate", outcome.FlipRate);
            WriteInterval(json, "control", outcome.Control);
            WriteInterval(json, "flipDifference", outcome.FlipDifference);
            WriteInterval(json, "drop", outcome.Drop);
            WriteInterval(json, "controlDrop", outcome.ControlDrop);
            WriteInterval(json, "dropDifference", outcome.DropDifference);
        }
        json.WriteStartArray("pictures");
        foreach (var picture in test.Pictures)
            json.WriteStringValue(picture);
        json.WriteEndArray();
    }

    private static void WriteInterval(Utf8JsonWriter json, string field, Interval interval)
    {
        json.WriteStartObject(field);
        json.WriteNumber("mean", interval.Mean);
        json.WriteNumber("low", interval.Low);
        json.WriteNumber("high", interval.High);
        json.WriteEndObject();
    }

    private static void WriteMembers(Utf8JsonWriter json, IReadOnlyList<(long Number, string? Path)> members)
    {
        json.WriteStartArray("numbers");
        foreach (var (number, _) in members)
            json.WriteNumberValue(number);
        json.WriteEndArray();
        json.WriteStartArray("paths");
        foreach (var (_, path) in members)
            json.WriteStringValue(path);
        json.WriteEndArray();
    }

    private static void WriteClass(Utf8JsonWriter json, string field, int? index, ClassNames classes)
    {
        if (index is not { } known)
            return;
        json.WriteStartObject(field);
        json.WriteNumber("index", known);
        json.WriteString("name", classes[known]);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Gate gate, FindingReport finding)
    {
        json.WriteStartObject();
        json.WriteString("finding", gate.Finding);
        json.WriteNumber("limit", gate.Limit);
        json.WriteString(
            "unit",
            gate.Unit switch
            {
                GateUnit.Percent => "percent",
                GateUnit.ConfirmedClasses => "confirmed",
                _ => "images",
            }
        );
        json.WriteNumber("measured", gate.Measured(finding));
        json.WriteBoolean("violated", gate.IsViolated(finding));
        json.WriteEndObject();
    }
}
