using System.Text.Json;

namespace AgCam.Labels;

/// <summary>One JSON object a line, such as an ImageFolder's metadata.jsonl.</summary>
internal static class JsonLabels
{
    public static IEnumerable<(long Row, string Path, string Label)> Read(string file, Stream stream, (string Path, string Label)? given)
    {
        using var reader = new StreamReader(stream);
        for (var number = 1L; reader.ReadLine() is { } line; number++)
            if (!string.IsNullOrWhiteSpace(line))
                yield return Parse(file, number, line, given);
    }

    private static (long, string, string) Parse(string file, long number, string line, (string Path, string Label)? given)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var names = json.RootElement.EnumerateObject().Select(entry => entry.Name).ToList();
            var (path, label) = LabelTable.Columns(file, names, given)
                ?? throw new LabelException($"{file}, line {number}: neither path nor file_name with a label; it has {string.Join(", ", names)}.");
            return (number, Text(names[path]), Text(names[label]));

            string Text(string name) => json.RootElement.GetProperty(name) is { ValueKind: JsonValueKind.String or JsonValueKind.Number } value
                ? value.ToString()
                : throw new LabelException($"{file}, line {number}: \"{name}\" is neither text nor a number.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new LabelException($"{file}, line {number} is no JSON object: {error.Message}", error);
        }
    }
}
