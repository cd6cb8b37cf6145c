using System.Text.Encodings.Web;
using System.Text.Json;
using AgCam.Evaluation.Metrics;
using AgCam.Evaluation.Presets;

namespace AgCam.Evaluation;

/// <summary>
/// Writes the evaluation as one JSON object. It holds the counts of images, evaluated and skipped by reason, and for each method each
/// metric as mean, low and high. It also holds the number of images in each mean, the differences from the reference method, and the
/// settings.
/// </summary>
public static class EvaluationJson
{
    public static void Write(Stream to, EvaluationTables tables, IReadOnlyList<MethodSummary> methods, PublishedNumbers? published = null)
    {
        using var json = new Utf8JsonWriter(
            to,
            new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }
        );
        json.WriteStartObject();
        json.WriteNumber("images", tables.Images);
        json.WriteNumber("evaluated", tables.Evaluated);
        Counts(json, "skipped", tables.Skipped);
        json.WriteNumber("misclassified", tables.Misclassified);
        Counts(json, "withoutBoxes", tables.WithoutBoxes);
        if (tables.Header.Metrics.Contains(MetricFamily.Masks))
            Counts(json, "withoutMask", tables.WithoutMask);
        Counts(json, "repairedBoxes", tables.Repaired);
        Each(
            json,
            "methods",
            methods,
            method => Each(json, method.Name, method.Metrics, metric => Interval(json, metric.Metric.Name, metric.Value))
        );
        Each(
            json,
            "differences",
            methods.Where(method => method.Metrics.Any(metric => metric.Difference is not null)),
            method =>
                Each(
                    json,
                    method.Name,
                    method.Metrics.Where(metric => metric.Difference is not null),
                    metric => Interval(json, metric.Metric.Name, metric.Difference!.Value)
                )
        );
        Each(
            json,
            "counts",
            methods,
            method => Each(json, method.Name, method.Metrics, metric => json.WriteNumber(metric.Metric.Name, metric.Count))
        );
        Each(json, "flatMaps", methods.Where(method => method.Skipped.Count > 0), method => Counts(json, method.Name, method.Skipped));

        if (published is not null)
            Published(json, published, methods);
        json.WriteStartObject("protocol");
        if (tables.Header.Preset is { } preset)
        {
            json.WriteString("preset", preset);
            json.WriteStartArray("deviations");
            foreach (var deviation in tables.Header.Deviations)
                json.WriteStringValue(deviation);
            json.WriteEndArray();
        }

        json.WriteNumber("threshold", tables.Header.Threshold);
        json.WriteString(
            "thresholdPolicy",
            "maxBoxAcc and maxBoxAccV2 use the best threshold on these images; all others use the fixed one"
        );
        Each(
            json,
            "maxBoxAccThreshold",
            methods.Where(method => method.MaxBoxAccThreshold is not null),
            method => json.WriteNumber(method.Name, method.MaxBoxAccThreshold!.Value)
        );
        json.WriteString("parity", tables.Header.Parity.ToString().ToLowerInvariant());
        json.WriteString("reference", tables.Reference);
        json.WriteString("target", "the label");
        json.WriteNumber("confidence", Bootstrap.Default.Confidence);
        json.WriteNumber("resamples", Bootstrap.Default.Resamples);
        json.WriteString("model", tables.Header.Model);
        json.WriteString("modelSha256", tables.Header.ModelSha256);
        json.WriteString("computation", tables.Header.Computation);
        json.WriteString("dtype", tables.Header.Dtype);
        json.WriteString("device", tables.Header.Device);
        json.WriteNumber("batch", tables.Header.Batch);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Published(Utf8JsonWriter json, PublishedNumbers published, IReadOnlyList<MethodSummary> methods)
    {
        json.WriteStartObject("published");
        json.WriteString("source", published.Source);
        Each(
            json,
            "methods",
            published.Beside(methods).GroupBy(number => number.Method),
            method =>
                Each(
                    json,
                    method.Key,
                    method,
                    number =>
                    {
                        json.WriteStartObject(number.Metric.Name);
                        json.WriteNumber("published", number.Value);
                        if (number.Measured is { Value: var measured })
                        {
                            json.WriteNumber("measured", measured.Mean);
                            json.WriteBoolean("insideInterval", number.Value >= measured.Low && number.Value <= measured.High);
                        }

                        json.WriteEndObject();
                    }
                )
        );
        json.WriteEndObject();
    }

    private static void Each<T>(Utf8JsonWriter json, string name, IEnumerable<T> items, Action<T> write)
    {
        json.WriteStartObject(name);
        foreach (var item in items)
            write(item);
        json.WriteEndObject();
    }

    private static void Counts<T>(Utf8JsonWriter json, string name, IReadOnlyDictionary<string, T> counts)
        where T : IConvertible => Each(json, name, counts, count => json.WriteNumber(count.Key, count.Value.ToInt64(null)));

    private static void Interval(Utf8JsonWriter json, string name, Interval interval)
    {
        json.WriteStartObject(name);
        json.WriteNumber("mean", interval.Mean);
        json.WriteNumber("low", interval.Low);
        json.WriteNumber("high", interval.High);
        json.WriteEndObject();
    }
}
