using System.Runtime.CompilerServices;
using System.Text;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>RFC 4180 with a header: fields in double quotes may hold separators, line ends and doubled quotes.</summary>
internal static class CsvRows
{
    /// <exception cref="SourceException">A row has more or fewer fields than the header, a quote is not closed, or the file cannot be read.</exception>
    public static async IAsyncEnumerable<IReadOnlyDictionary<string, string>> ReadAsync(string path, char separator, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var reader = TextRows.Open(path);
        List<string>? header = null;
        var line = 0;
        while (await TextRows.LineAsync(reader, path, ++line, cancel) is { } text)
        {
            var first = line;
            while (HasOpenQuote(text))
            {
                text += "\n" + (await TextRows.LineAsync(reader, path, ++line, cancel) ?? throw new SourceException($"{path}, line {first}: a quote is not closed."));
                if (text.Length > 1 << 20)
                    throw new SourceException($"{path}, line {first}: a quote is not closed.");
            }
            if (text.Length == 0)
                continue;
            var fields = Split(text, separator);
            if (header is null)
            {
                header = fields;
                continue;
            }
            if (fields.Count != header.Count)
                throw new SourceException($"{path}, line {first}: {fields.Count} fields, where the header has {header.Count}.");
            var row = new Dictionary<string, string>(header.Count);
            for (var i = 0; i < fields.Count; i++)
                row[header[i]] = fields[i];
            yield return row;
        }
    }

    private static bool HasOpenQuote(string text) => text.AsSpan().Count('"') % 2 == 1;

    private static List<string> Split(string text, char separator)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '"' && quoted && i + 1 < text.Length && text[i + 1] == '"')
                field.Append(text[++i]);
            else if (c == '"')
                quoted = !quoted;
            else if (c == separator && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
                field.Append(c);
        }
        fields.Add(field.ToString());
        return fields;
    }
}
