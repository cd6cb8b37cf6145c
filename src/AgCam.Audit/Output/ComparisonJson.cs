using System.Text.Encodings.Web;
using System.Text.Json;
using AgCam.Audit.Comparison;
using AgCam.Audit.Gates;
using AgCam.Evaluation.Metrics;

namespace AgCam.Audit.Output;

/// <summary>Writes a comparison as one JSON object. A number that was not measured is null.</summary>
internal static class ComparisonJson
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(Stream to, ComparisonReport report, IReadOnlyList<GateOutcome> gates)
    {
        using var json = new Utf8JsonWriter(to, Indented);
        json.WriteStartObject();
        Write(json, "a", report.A);
        Write(json, "b", report.B);
        json.WriteString("mode", report.Mode.ToString().ToLowerInvariant());
        json.WriteStartObject("images");
        json.WriteNumber("shared", report.Shared);
        json.WriteNumber("onlyA", report.OnlyA);
        json.WriteNumber("onlyB", report.OnlyB);
        json.WriteEndObject();
        json.WriteStartObject("bootstrap");
        json.WriteNumber("resamples", Bootstrap.Default.Resamples);
        json.WriteNumber("seed", Bootstrap.Default.Seed);
        json.WriteNumber("confidence", Bootstrap.Default.Confidence);
        json.WriteEndObject();
        json.WriteStartArray("metrics");
        foreach (var metric in report.Metrics)
            Write(json, metric);
        json.WriteEndArray();
        json.WriteStartArray("classes");
        foreach (var @class in report.Classes)
            Write(json, @class);
        json.WriteEndArray();
        json.WriteStartArray("changed");
        foreach (var image in report.Changed)
            Write(json, image);
        json.WriteEndArray();
        json.WriteStartArray("notes");
        foreach (var note in report.Notes)
            json.WriteStringValue(note);
        json.WriteEndArray();
        json.WriteStartArray("gates");
        foreach (var gate in gates)
        {
            json.WriteStartObject();
            json.WriteString("gate", gate.Gate);
            json.WriteBoolean("violated", gate.IsViolated);
            json.WriteString("outcome", gate.Text);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, ComparedJob job)
    {
        json.WriteStartObject(name);
        json.WriteString("job", job.Job);
        json.WriteString("model", job.Model);
        json.WriteString("weights", job.Weights.ToString());
        json.WriteString("method", job.Method);
        json.WriteString("dtype", job.Dtype);
        json.WriteNumber("images", job.Images);
        json.WriteNumber("failed", job.Failed);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ComparedMetric metric)
    {
        json.WriteStartObject();
        json.WriteString("name", metric.Name);
        json.WriteString("meaning", metric.Meaning);
        json.WriteBoolean("greaterIsBetter", metric.GreaterIsBetter);
        json.WriteNumber("count", metric.Count);
        Write(json, "value", metric.Value);
        if (metric.Missing is { } missing)
            json.WriteString("missing", missing);
        Write(json, "smallestDetectableChange", metric.SmallestChange);
        Write(json, "baseline", metric.Baseline);
        Write(json, "change", metric.Change);
        Write(json, "ceiling", metric.Ceiling);
        Write(json, "classMean", metric.ClassMean);
        if (metric.ByChance is not null)
        {
            Write(json, "byChance", metric.ByChance);
            Write(json, "pValue", metric.PValue);
        }
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ComparedClass @class)
    {
        json.WriteStartObject();
        json.WriteString("class", @class.Name);
        json.WriteNumber("images", @class.Images);
        if (@class.ImagesB is { } imagesB)
            json.WriteNumber("imagesB", imagesB);
        foreach (var (name, value) in @class.Values)
            Write(json, name, value);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ImageComparison image)
    {
        json.WriteStartObject();
        json.WriteString("sha256", image.Sha256.ToString());
        json.WriteString("class", image.Class);
        json.WriteString("pathA", image.A.Uri);
        json.WriteString("pathB", image.B.Uri);
        json.WriteNumber("numberA", image.A.Number);
        json.WriteNumber("numberB", image.B.Number);
        json.WriteString("predictedA", image.A.Predicted);
        json.WriteString("predictedB", image.B.Predicted);
        foreach (var (index, measure) in MapMeasure.All.Index())
            Write(json, measure.Name, image.Similarity[index]);
        json.WriteBoolean("negativeFlip", image.IsNegativeFlip);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
            json.WriteNumber(name, number);
        else
            json.WriteNull(name);
    }

    private static void Write(Utf8JsonWriter json, string name, Interval? interval)
    {
        if (interval is not { } known)
        {
            json.WriteNull(name);
            return;
        }
        json.WriteStartObject(name);
        json.WriteNumber("mean", known.Mean);
        json.WriteNumber("low", known.Low);
        json.WriteNumber("high", known.High);
        json.WriteEndObject();
    }
}
