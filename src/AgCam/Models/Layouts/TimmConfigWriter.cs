using System.Text.Json;
using AgCam.Preprocessing;

namespace AgCam.Models.Layouts;

/// <summary>Writes a config.json for <see cref="TimmConfig"/> and for timm.</summary>
internal static class TimmConfigWriter
{
    public static void Write(Stream stream, ViTConfig config, PreprocessingFields preprocessing, IReadOnlyList<string>? classNames)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("architecture", config.Architecture);
        json.WriteNumber("num_classes", config.Classes);
        json.WriteNumber("num_features", config.Width);
        json.WriteString("global_pool", config.Pooling == HeadPooling.Token ? "token" : "avg");
        if (classNames is not null)
        {
            json.WriteStartArray("label_names");
            foreach (var name in classNames)
                json.WriteStringValue(name);
            json.WriteEndArray();
        }

        WriteArguments(json, config);
        WritePretrained(json, config, preprocessing);
        json.WriteEndObject();
    }

    private static void WriteArguments(Utf8JsonWriter json, ViTConfig config)
    {
        json.WriteStartObject("model_args");
        if (config.ImageHeight == config.ImageWidth)
            json.WriteNumber("img_size", config.ImageHeight);
        else
            WriteNumbers(json, "img_size", [config.ImageHeight, config.ImageWidth]);
        json.WriteNumber("patch_size", config.PatchSize);
        json.WriteNumber("embed_dim", config.Width);
        json.WriteNumber("depth", config.Depth);
        json.WriteNumber("num_heads", config.Heads);
        json.WriteNumber("mlp_ratio", MlpRatio(config));
        json.WriteEndObject();
    }

    /// <summary>Returns the ratio, slightly increased where rounding would lose a unit: readers truncate width x ratio.</summary>
    private static double MlpRatio(ViTConfig config)
    {
        var ratio = (double)config.MlpWidth / config.Width;
        return (int)(config.Width * ratio) == config.MlpWidth ? ratio : (config.MlpWidth + 0.25) / config.Width;
    }

    private static void WritePretrained(Utf8JsonWriter json, ViTConfig config, PreprocessingFields preprocessing)
    {
        json.WriteStartObject("pretrained_cfg");
        WriteNumbers(json, "input_size", [3, preprocessing.Height!.Value, preprocessing.Width!.Value]);
        json.WriteString("interpolation", preprocessing.Interpolation!.Value.ToString().ToLowerInvariant());
        json.WriteNumber("crop_pct", preprocessing.CropPct ?? 1.0);
        json.WriteString(
            "crop_mode",
            preprocessing.CropMode switch
            {
                CropMode.Squash => "squash",
                CropMode.Border => "border",
                _ => "center",
            }
        );
        WriteFloats(json, "mean", preprocessing.Mean!);
        WriteFloats(json, "std", preprocessing.Std!);
        json.WriteNumber("num_classes", config.Classes);
        json.WriteString("first_conv", "patch_embed.proj");
        json.WriteString("classifier", "head");
        json.WriteEndObject();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IEnumerable<int> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    private static void WriteFloats(Utf8JsonWriter json, string name, IEnumerable<float> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
