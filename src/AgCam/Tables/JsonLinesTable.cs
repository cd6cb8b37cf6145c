using System.Text.Json;

namespace AgCam.Tables;

/// <summary>Reads one JSON object per line. Empty lines are skipped. Numbers and booleans keep their text.</summary>
internal static class JsonLinesTable
{
    public static IEnumerable<TableRow> Read(Stream stream, TableOptions options)
    {
        foreach (var (number, text) in TextLines.Read(stream))
            if (!string.IsNullOrWhiteSpace(text))
                yield return new TableRow($"line {number}", Values(text, number, options));
    }

    private static Dictionary<string, string> Values(string text, long line, TableOptions options)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new TableException($", line {line} is not a JSON object such as {{\"path\": \"cat.jpg\"}}.");
            var values = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var field in json.RootElement.EnumerateObject())
                if (field.Value.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False)
                    values[field.Name] = field.Value.ToString();
                else if (field.Value.ValueKind != JsonValueKind.Null && options.WithNested(field.Name))
                    values[field.Name] = field.Value.GetRawText();
            return values;
        }
        catch (JsonException broken)
        {
            throw new TableException($", line {line} is not a JSON object: invalid at byte {broken.BytePositionInLine + 1}.", broken);
        }
        catch (InvalidOperationException broken)
        {
            throw new TableException($", line {line} is not a JSON object: a text holds half a surrogate pair.", broken);
        }
    }
}
