using System.Text;

namespace AgCam.Labels;

/// <summary>Comma, semicolon or tab separated, quoted as RFC 4180 has it. A first line with the usual column names is a header.</summary>
internal static class CsvLabels
{
    public static IEnumerable<(long Row, string Path, string Label)> Read(string file, Stream stream, (string Path, string Label)? given)
    {
        (int Path, int Label)? columns = null;
        foreach (var (number, fields) in Lines(stream))
        {
            if (columns is null)
            {
                columns = LabelTable.Columns(file, fields, given);
                if (columns is not null)
                    continue;
                if (fields.Count < 2)
                    throw new LabelException($"{file}, line {number}: \"{string.Join(',', fields)}\" is no path and label. Give two columns, or a header that names path and label.");
                columns = (0, 1);
            }

            if (fields.Count <= Math.Max(columns.Value.Path, columns.Value.Label))
                throw new LabelException($"{file}, line {number}: it has {fields.Count} column(s), too few for a path and a label.");
            yield return (number, fields[columns.Value.Path], fields[columns.Value.Label].Trim());
        }
    }

    /// <summary>Fields of every line that is not empty, with the number of the line.</summary>
    public static IEnumerable<(long Number, List<string> Fields)> Lines(string file)
    {
        using var stream = File.OpenRead(file);
        foreach (var line in Lines(stream))
            yield return line;
    }

    private static IEnumerable<(long Number, List<string> Fields)> Lines(Stream stream)
    {
        using var reader = new StreamReader(stream);
        var separator = '\0';
        var number = 0L;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (line.Length == 0)
                continue;
            if (separator == '\0')
                separator = line.Contains('\t') ? '\t' : line.Contains(';') && !line.Contains(',') ? ';' : ',';
            while (Open(line) && reader.ReadLine() is { } more) // a quoted field may hold a line end
                line += "\n" + more;
            yield return (number, Split(line, separator));
        }
    }

    private static bool Open(string line) => line.Count(c => c == '"') % 2 == 1;

    private static List<string> Split(string line, char separator)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '"')
            {
                if (quoted && i + 1 < line.Length && line[i + 1] == '"')
                    field.Append(line[++i]);
                else
                    quoted = !quoted;
            }
            else if (line[i] == separator && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(line[i]);
            }
        }

        fields.Add(field.ToString());
        return fields;
    }
}
