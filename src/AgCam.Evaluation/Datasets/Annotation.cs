using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;

namespace AgCam.Evaluation.Datasets;

/// <summary>Annotated boxes of one image, in original pixels as stated, each with its class where the annotation names it.</summary>
/// <param name="WithoutBoxes">Reason why there are no boxes, one of <see cref="SkipReason"/>.</param>
public sealed record Annotation(IReadOnlyList<(string? Class, BoundingBox Box)> Boxes, string? WithoutBoxes)
{
    /// <summary>Text of an annotation that cannot be read.</summary>
    internal const string Unreadable = "unreadable";

    /// <summary>There is no annotation.</summary>
    public static Annotation None { get; } = new([], SkipReason.NoBoxes);

    /// <summary>The annotation cannot be read.</summary>
    public static Annotation Broken { get; } = new([], SkipReason.BrokenAnnotation);

    /// <summary>
    /// Reads an object {"bbox": [[x, y, width, height], ...], "category": [...]}, only the list of boxes, or only one box. Text holds the
    /// same as JSON.
    /// </summary>
    public static Annotation Read(JsonElement objects)
    {
        if (objects.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
            return None;
        if (objects.ValueKind == JsonValueKind.String)
            return Read(objects.GetString()!);
        var boxes = objects;
        List<string>? classes = null;
        if (objects.ValueKind == JsonValueKind.Object)
        {
            if (!objects.TryGetProperty("bbox", out boxes) || boxes.ValueKind == JsonValueKind.Null)
                return None;
            if (
                new[] { "category", "categories", "label" }
                    .Select(name => objects.TryGetProperty(name, out var found) ? found : default)
                    .FirstOrDefault(found => found.ValueKind == JsonValueKind.Array) is
                { ValueKind: JsonValueKind.Array } named
            )
                classes = [.. named.EnumerateArray().Select(name => name.ToString())];
        }

        if (boxes.ValueKind == JsonValueKind.Array && boxes.GetArrayLength() == 4 && boxes[0].ValueKind == JsonValueKind.Number)
            return Box(boxes) is { } only && classes is null or [_] ? new Annotation([(classes?[0], only)], null) : Broken;
        if (boxes.ValueKind != JsonValueKind.Array || (classes is not null && classes.Count != boxes.GetArrayLength()))
            return Broken;
        var read = boxes.EnumerateArray().Select(Box).ToList();
        return read.Contains(null) ? Broken
            : read.Count == 0 ? new Annotation([], SkipReason.EmptyAnnotation)
            : new Annotation([.. read.Select((box, i) => (classes?[i], box!.Value))], null);
    }

    /// <inheritdoc cref="Read(JsonElement)"/>
    public static Annotation Read(string json)
    {
        if (string.IsNullOrWhiteSpace(json))
            return None;
        try
        {
            using var document = JsonDocument.Parse(json);
            return Read(document.RootElement);
        }
        catch (JsonException)
        {
            return Broken;
        }
    }

    /// <summary>Returns the text from which <see cref="Read(string)"/> reads the boxes.</summary>
    internal static string Text(IEnumerable<(string? Class, BoundingBox Box)> objects)
    {
        var boxes = objects.ToList();
        var text = new JsonObject
        {
            ["bbox"] = new JsonArray([.. boxes.Select(item => new JsonArray(item.Box.X, item.Box.Y, item.Box.Width, item.Box.Height))]),
        };
        if (boxes.Exists(item => item.Class is not null))
            text["category"] = new JsonArray([.. boxes.Select(item => (JsonNode?)item.Class)]);
        return text.ToJsonString();
    }

    /// <summary>Returns one sample for the label. Without a label, returns one sample per class of the boxes.</summary>
    internal IEnumerable<Sample> Samples(string key, string path, string? label)
    {
        if (string.IsNullOrEmpty(label) && Boxes.Count > 0 && Boxes.All(box => box.Class is not null))
            return ByClass(key, path, Boxes.Select(box => (box.Class!, box.Box, (ObjectMask?)null)));
        // Boxes of another class are not ground truth for the label. If no box has the label's class, the names are of another vocabulary.
        var own = Boxes.Where(box => box.Class is null || box.Class == label).ToList();
        return
        [
            new Sample(key, path)
            {
                Label = string.IsNullOrEmpty(label) ? null : label,
                Boxes = [.. (own.Count > 0 ? own : Boxes).Select(box => box.Box)],
                WithoutBoxes = WithoutBoxes,
            },
        ];
    }

    /// <summary>Returns one sample per class of the image's objects. The key names the class only where there are several.</summary>
    internal static IEnumerable<Sample> ByClass(
        string key,
        string path,
        IEnumerable<(string Class, BoundingBox Box, ObjectMask? Mask)> objects
    )
    {
        var classes = objects.GroupBy(o => o.Class).OrderBy(group => group.Key, StringComparer.Ordinal).ToList();
        return classes.Select(group => new Sample(classes.Count == 1 ? key : $"{key}#{group.Key}", path)
        {
            Label = group.Key,
            Boxes = [.. group.Select(o => o.Box)],
            // A class with one object without a mask has no masks: that object's pixels would count as background.
            Masks = group.All(o => o.Mask is not null) ? [.. group.Select(o => o.Mask!)] : [],
        });
    }

    private static BoundingBox? Box(JsonElement box)
    {
        if (box.ValueKind != JsonValueKind.Array || box.GetArrayLength() != 4)
            return null;
        Span<double> values = stackalloc double[4];
        for (var i = 0; i < 4; i++)
            if (
                box[i].ValueKind != JsonValueKind.Number
                || !double.TryParse(box[i].GetRawText(), CultureInfo.InvariantCulture, out values[i])
                || !double.IsFinite(values[i])
            )
                return null;
        return new BoundingBox(values[0], values[1], values[2], values[3]);
    }
}
