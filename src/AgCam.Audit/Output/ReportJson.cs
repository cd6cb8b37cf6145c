using System.Text.Encodings.Web;
using System.Text.Json;
using AgCam.Audit.Gates;

namespace AgCam.Audit.Output;

/// <summary>Writes the report of an audit as one JSON object.</summary>
internal static class ReportJson
{
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
            Write(json, gate, report.Findings.Single(finding => finding.Name == gate.Finding));
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, FindingReport finding, ClassNames classes)
    {
        json.WriteStartObject();
        json.WriteString("name", finding.Name);
        json.WriteString("level", "image");
        json.WriteNumber("scored", finding.Scored);
        json.WriteNumber("count", finding.Count);
        json.WriteNumber("share", finding.Share);
        json.WriteNumber("threshold", finding.Threshold);
        json.WriteString("rule", finding.Rule);
        json.WriteBoolean("property", finding.IsProperty);
        json.WriteStartArray("items");
        foreach (var image in finding.Items)
        {
            json.WriteStartObject();
            json.WriteNumber("number", image.Number);
            json.WriteString("path", image.Path);
            json.WriteNumber("score", image.Score);
            json.WriteBoolean("isIssue", image.IsIssue);
            json.WriteString("reason", image.Reason);
            WriteClass(json, "given", image.Given, classes);
            WriteClass(json, "likely", image.Likely, classes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
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
        json.WriteString("unit", gate.IsShare ? "percent" : "images");
        json.WriteNumber("measured", gate.Measured(finding));
        json.WriteBoolean("violated", gate.IsViolated(finding));
        json.WriteEndObject();
    }
}
