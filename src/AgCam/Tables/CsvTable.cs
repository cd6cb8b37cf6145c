using nietras.SeparatedValues;

namespace AgCam.Tables;

/// <summary>Reads separated values quoted as in RFC 4180. Empty lines are skipped.</summary>
internal static class CsvTable
{
    /// <summary>Maximum number of columns.</summary>
    private const int MaxColumns = 4096;

    /// <param name="separator">Null uses the most frequent separator of the first line: comma, semicolon, tab or bar.</param>
    public static IEnumerable<TableRow> Read(Stream stream, char? separator, TableOptions options)
    {
        using var text = new StreamReader(stream, leaveOpen: true);
        // Rows are counted here, because the library's own message quotes the row.
        var form = separator is { } given ? Sep.New(given).Reader() : Sep.Reader();
        using var reader = Open(form with { HasHeader = false, DisableColCountCheck = true, Unescape = true }, text);
        IReadOnlyList<string>? columns = null;
        var (selected, line) = (Array.Empty<int>(), 1L);
        while (Next(reader, line))
        {
            var place = $"line {line}";
            var fields = Fields(reader.Current, place, columns is null ? null : selected, ref line, out var count);
            if (count == 0)
                continue;
            if (columns is null)
            {
                columns = options.HeaderlessColumns(fields);
                var isHeader = columns is null;
                columns ??= [.. fields.Select(name => name.Trim())];
                selected = Selected(columns, options.Select(columns));
                if (isHeader)
                    continue;
                if (columns.Count > count)
                    throw new TableException($", {place}: it has {count} fields, too few for {string.Join(" and ", columns)}.");
                yield return Row(place, columns, selected, [.. selected.Select(at => fields[at])]);
                columns = [.. columns, .. Enumerable.Repeat("", count - columns.Count)];
                continue;
            }
            if (count != columns.Count)
            {
                var wrong = count < columns.Count ? "few" : "many";
                throw new TableException($", {place}: it has {count} fields, too {wrong}: the first line has {columns.Count}.");
            }
            yield return Row(place, columns, selected, fields);
        }
        if (columns is null)
            options.Select([]);
    }

    private static SepReader Open(SepReaderOptions form, TextReader text)
    {
        try
        {
            return form.From(text);
        }
        catch (NotSupportedException endless)
        {
            throw Endless(1, endless);
        }
    }

    private static bool Next(SepReader reader, long line)
    {
        try
        {
            return reader.MoveNext();
        }
        catch (NotSupportedException endless) // a row of 16 million characters
        {
            throw Endless(line, endless);
        }
    }

    private static TableException Endless(long line, Exception? inner = null) =>
        new($", line {line}: more than {Table.MaxRow} characters in a row. A quote is not closed, or a line end is missing.", inner);

    /// <param name="selected">Indices of the needed fields; null for all.</param>
    /// <param name="line">The row's first line. Advanced to the next row's.</param>
    /// <param name="count">Number of fields of the row; 0 for an empty line.</param>
    private static string[] Fields(SepReader.Row row, string place, int[]? selected, ref long line, out int count)
    {
        var first = line;
        line += row.Span.Count('\n') + 1;
        count = row.Span.IsEmpty ? 0 : row.ColCount;
        if (count == 0)
            return [];
        if (row.Span.Length > Table.MaxRow)
            throw Endless(first);
        if (count > MaxColumns)
            throw new TableException($", {place}: it has {count} fields; the limit is {MaxColumns}.");
        if (row.Span.Count('"') % 2 != 0)
            throw new TableException($", {place}: a quote is not closed.");
        var fields = new string[selected?.Length ?? count];
        for (var i = 0; i < fields.Length; i++)
            if (selected is null)
                fields[i] = row[i].ToString();
            else if (selected[i] < count)
                fields[i] = row[selected[i]].ToString();
        return fields;
    }

    private static int[] Selected(IReadOnlyList<string> columns, IReadOnlyCollection<string> wanted) =>
        [.. columns.Select((name, at) => (name, at)).Where(column => wanted.Contains(column.name)).Select(column => column.at)];

    private static TableRow Row(string place, IReadOnlyList<string> columns, int[] selected, string[] fields)
    {
        var values = new Dictionary<string, string>(selected.Length, StringComparer.Ordinal);
        for (var i = 0; i < selected.Length; i++)
            values[columns[selected[i]]] = fields[i];
        return new TableRow(place, values);
    }
}
