using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using AgCam.Cli.Options;
using AgCam.Heatmaps;
using AgCam.Labels;

namespace AgCam.Cli.Explaining;

/// <summary>Builds the JSON row of an image, for stdout and explanations.jsonl.</summary>
internal static class Row
{
    private static readonly JsonWriterOptions Format = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    public static byte[] Failed(ReadImage image)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Format))
        {
            json.WriteStartObject();
            json.WriteString("status", "Failed");
            json.WriteStartObject("image");
            json.WriteString("path", image.Source.Path);
            json.WriteEndObject();
            json.WriteString("reason", image.Failure!.Reason);
            json.WriteString("detail", FieldFlags.In(image.Failure.Message));
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    public static byte[] Completed(
        ReadImage image,
        Explanation explanation,
        Explainer explainer,
        string method,
        Digest provenance,
        bool raw
    )
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, Format))
        {
            json.WriteStartObject();
            json.WriteString("status", "Completed");
            Image(json, image);
            json.WriteStartObject("model");
            json.WriteString("id", explainer.ModelId);
            json.WriteString("sha256", explainer.ModelSha256.ToString());
            json.WriteEndObject();
            Predictions(json, explanation);
            if (image.Label is { } label)
                Label(json, label, explanation, explainer);
            json.WriteStartArray("explanations");
            foreach (var target in explanation.Targets)
                Target(json, target, method, raw);
            json.WriteEndArray();
            if (explanation.Embedding is { } embedding)
                Numbers(json, "embedding", embedding.Select(value => (float)value));
            json.WriteString("provenance", provenance.ToString());
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Image(Utf8JsonWriter json, ReadImage image)
    {
        json.WriteStartObject("image");
        json.WriteString("path", image.Source.Path);
        json.WriteString("sha256", image.Sha256.ToString());
        json.WriteNumber("width", image.Width);
        json.WriteNumber("height", image.Height);
        json.WriteEndObject();
    }

    private static void Predictions(Utf8JsonWriter json, Explanation explanation)
    {
        json.WriteStartArray("predictions");
        foreach (var prediction in explanation.Predictions)
        {
            json.WriteStartObject();
            json.WriteNumber("class", prediction.Class);
            json.WriteString("name", prediction.Name);
            Number(json, "probability", prediction.Probability);
            Number(json, "logit", (float)prediction.Logit);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Label(Utf8JsonWriter json, ImageLabel label, Explanation explanation, Explainer explainer)
    {
        json.WriteStartObject("label");
        json.WriteString("given", label.Given);
        if (label.Class is not { } index)
        {
            json.WriteNull("class");
            json.WriteEndObject();
            return;
        }

        json.WriteNumber("class", index);
        json.WriteString("name", explainer.Classes[index]);
        json.WriteEndObject();
        Number(json, "labelLogit", explanation.Logits[index]);
        Number(json, "labelProbability", explanation.Probability(index));
    }

    private static void Target(Utf8JsonWriter json, TargetExplanation target, string method, bool raw)
    {
        json.WriteStartObject();
        json.WriteStartArray("requested");
        foreach (var name in target.Requested)
            json.WriteStringValue(name);
        json.WriteEndArray();
        json.WriteNumber("target", target.Class);
        json.WriteString("name", target.Name);
        if (target.Against is { } against)
        {
            json.WriteNumber("against", against);
            json.WriteString("againstName", target.AgainstName);
        }
        else
        {
            json.WriteNull("against");
        }

        json.WriteString("method", method);
        json.WriteStartObject("grid");
        json.WriteNumber("rows", target.Heatmap.Rows);
        json.WriteNumber("columns", target.Heatmap.Columns);
        json.WriteEndObject();
        Values(json, target.Heatmap, raw);
        if (target.Negative is { } negative)
        {
            json.WriteStartObject("negative");
            Values(json, negative, raw);
            json.WriteEndObject();
        }

        json.WriteStartArray("boxes");
        foreach (var box in target.Boxes)
        {
            json.WriteStartObject();
            json.WriteNumber("x", Math.Round(box.X, 3));
            json.WriteNumber("y", Math.Round(box.Y, 3));
            json.WriteNumber("width", Math.Round(box.Width, 3));
            json.WriteNumber("height", Math.Round(box.Height, 3));
            json.WriteNumber("score", Math.Round(box.Score, 6));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("reason", target.Reason);
        json.WriteEndObject();
    }

    private static void Values(Utf8JsonWriter json, Heatmap map, bool raw)
    {
        if (raw)
            Numbers(json, "heatmap", map.Values);
        Number(json, "min", map.Min);
        Number(json, "max", map.Max);
        Number(json, "sum", (float)map.Sum);
    }

    // JSON has no NaN and no infinity.
    private static void Numbers(Utf8JsonWriter json, string name, IEnumerable<float> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            if (float.IsFinite(value))
                json.WriteNumberValue(value);
            else
                json.WriteNullValue();
        json.WriteEndArray();
    }

    private static void Number(Utf8JsonWriter json, string name, float value)
    {
        if (float.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }

    private static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }
}
