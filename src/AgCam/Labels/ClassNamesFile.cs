using System.Text.Json;
using AgCam.Models;

namespace AgCam.Labels;

/// <summary>Reads class names from a file: one name per line, a JSON list of names, or a JSON object {"index": "name"}.</summary>
public static class ClassNamesFile
{
    /// <summary>Returns the names by class index.</summary>
    /// <exception cref="ModelException">bad-configuration: the file cannot be read, or does not name classes 0, 1, 2, ... without a
    /// gap.</exception>
    public static IReadOnlyList<string> Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelException(ModelFailure.BadConfiguration, $"The class names {path} cannot be read: {error.Message}", error);
        }

        return text.TrimStart() is ['[' or '{', ..] ? Json(text, path) : Lines(text, path);
    }

    private static List<string> Lines(string text, string path)
    {
        var lines = text.Split('\n').Select(line => line.Trim()).ToList();
        while (lines.Count > 0 && lines[^1].Length == 0)
            lines.RemoveAt(lines.Count - 1);
        if (lines.Count == 0)
            throw Unusable(path, "it is empty");
        return lines.IndexOf("") is >= 0 and var gap
            ? throw Unusable(path, $"line {gap + 1} is empty, and the line number is the class index")
            : lines;
    }

    private static List<string> Json(string text, string path)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind == JsonValueKind.Array)
                return [.. json.RootElement.EnumerateArray().Select(name => name.GetString() ?? throw Unusable(path, "a name is null"))];
            var named = new SortedDictionary<int, string>();
            foreach (var entry in json.RootElement.EnumerateObject())
                if (!int.TryParse(entry.Name, out var index) || !named.TryAdd(index, Name(entry.Value)))
                    throw Unusable(path, $"\"{entry.Name}\" is not a class index, or occurs twice; an object maps index to name");
            var gap = Enumerable.Range(0, named.Count).FirstOrDefault(i => !named.ContainsKey(i), -1);
            return gap < 0 ? [.. named.Values] : throw Unusable(path, $"class {gap} has no name");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Unusable(path, $"it is neither a JSON list of names nor an object from index to name ({error.Message})");
        }

        // ImageNet's class index often has the form {"0": ["n01440764", "tench"]}.
        string Name(JsonElement value) =>
            value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2
                ? value[1].GetString()!
                : value.GetString() ?? throw Unusable(path, "a name is null");
    }

    private static ModelException Unusable(string path, string why) =>
        new(
            ModelFailure.BadConfiguration,
            $"The class names {path} cannot be used: {why}. Give one name per line, a JSON list, or an object from index to name."
        );
}
