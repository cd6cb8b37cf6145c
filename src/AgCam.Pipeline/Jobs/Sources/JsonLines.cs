using System.Runtime.CompilerServices;
using System.Text.Json;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>One JSON object a line; empty lines are left out. Values that are not text keep the text they are written with; null and nested ones are left out.</summary>
internal static class JsonLines
{
    /// <exception cref="SourceException">A line is no JSON object, or the file cannot be read.</exception>
    public static async IAsyncEnumerable<IReadOnlyDictionary<string, string>> ReadAsync(string path, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var reader = TextRows.Open(path);
        for (var line = 1; await TextRows.LineAsync(reader, path, line, cancel) is { } text; line++)
            if (!string.IsNullOrWhiteSpace(text))
                yield return Row(text, path, line);
    }

    private static Dictionary<string, string> Row(string text, string path, int line)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new SourceException($"{path}, line {line}: an object is needed, such as {{\"path\": \"cat.jpg\"}}.");
            var row = new Dictionary<string, string>();
            foreach (var field in json.RootElement.EnumerateObject())
                if (field.Value.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False)
                    row[field.Name] = field.Value.ToString();
            return row;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter of half a surrogate pair
        {
            throw new SourceException($"{path}, line {line}: no JSON. {e.Message}", e);
        }
    }
}

/// <summary>Text files of strangers, line by line.</summary>
internal static class TextRows
{
    private const int MaxLine = 1 << 20;

    /// <exception cref="SourceException">It cannot be opened.</exception>
    public static StreamReader Open(string path)
    {
        try
        {
            return File.Exists(path) ? new StreamReader(path) : throw new SourceException($"{path} does not exist.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <returns>Null at the end.</returns>
    /// <exception cref="SourceException">It cannot be read, or a line has more than a million characters.</exception>
    public static async Task<string?> LineAsync(StreamReader reader, string path, int line, CancellationToken cancel)
    {
        try
        {
            var text = await reader.ReadLineAsync(cancel);
            return text is { Length: > MaxLine } ? throw new SourceException($"{path}, line {line}: more than {MaxLine} characters are no row.") : text;
        }
        catch (IOException e)
        {
            throw new SourceException($"{path} cannot be read: {e.Message}", e);
        }
    }
}
