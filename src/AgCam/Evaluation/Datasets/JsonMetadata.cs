using System.Text.Json;

namespace AgCam.Evaluation.Datasets;

/// <summary>One JSON object a line: file_name, label, and objects {"bbox": ...} or bbox.</summary>
internal static class JsonMetadata
{
    public static IEnumerable<(string Name, string? Label, Annotation Annotation)> Read(string file)
    {
        using var reader = new StreamReader(file);
        for (var number = 1L; reader.ReadLine() is { } line; number++)
            if (!string.IsNullOrWhiteSpace(line))
                yield return Row(file, number, line);
    }

    private static (string, string?, Annotation) Row(string file, long number, string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var row = json.RootElement;
            if (row.ValueKind != JsonValueKind.Object)
                throw new DatasetException($"{file}, line {number} is no JSON object.");
            var name = MetadataColumns.Path.Select(Get).FirstOrDefault(found => found.ValueKind == JsonValueKind.String);
            if (name.ValueKind != JsonValueKind.String)
                throw new DatasetException($"{file}, line {number}: it has no file_name.");
            var label = MetadataColumns.Label.Select(Get).FirstOrDefault(found => found.ValueKind is JsonValueKind.String or JsonValueKind.Number);
            var objects = MetadataColumns.Objects.Select(Get).FirstOrDefault(found => found.ValueKind != JsonValueKind.Undefined);
            return (name.GetString()!, label.ValueKind == JsonValueKind.Undefined ? null : label.ToString(), Annotation.Read(objects));

            JsonElement Get(string column) => row.TryGetProperty(column, out var value) ? value : default;
        }
        catch (JsonException error)
        {
            throw new DatasetException($"{file}, line {number} is no JSON object: {error.Message}", error);
        }
    }
}

/// <summary>Names of the columns of metadata, the first that is there counts.</summary>
internal static class MetadataColumns
{
    public static readonly string[] Path = ["file_name", "path", "filename", "image"];

    public static readonly string[] Label = ["label", "class", "class_name", "category", "wnid"];

    public static readonly string[] Objects = ["objects", "objects.bbox", "bbox", "boxes"];
}
