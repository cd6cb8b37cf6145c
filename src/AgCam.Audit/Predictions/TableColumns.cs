using System.Globalization;
using AgCam.Images;
using AgCam.Labels;
using AgCam.Tables;

namespace AgCam.Audit.Predictions;

/// <summary>Columns of a table of probabilities: every column that is neither the path nor the label is a class.</summary>
/// <param name="Path">Column of the image's path; null when there is none.</param>
/// <param name="Label">Column of the given label; null when there is none.</param>
/// <param name="Classes">Columns of the classes, in class order. Their names are the class names.</param>
internal sealed record TableColumns(string? Path, string? Label, IReadOnlyList<string> Classes)
{
    /// <exception cref="AuditException">The table cannot be read or is empty.</exception>
    public static TableColumns Read(string file)
    {
        IReadOnlyList<string>? columns = null;
        foreach (var row in Rows(file, names => columns = names))
        {
            columns ??= [.. row.Values.Keys]; // JSON lines
            break;
        }
        if (columns is null or [])
            throw new AuditException($"{file} holds no rows. It needs a column of probabilities per class.");
        var path = LabelTable.UsualPath(columns);
        var label = LabelTable.UsualLabel(columns);
        return new TableColumns(path, label, [.. columns.Where(name => name != path && name != label)]);
    }

    /// <exception cref="AuditException">The table cannot be read, or a value is not a number.</exception>
    public IEnumerable<ProbabilityRow> Rows(string file)
    {
        var number = 0L;
        foreach (var row in Rows(file, _ => { }))
        {
            yield return new ProbabilityRow(
                number,
                Path is null ? null : row.Values.GetValueOrDefault(Path),
                Label is null ? null : row.Values.GetValueOrDefault(Label)?.Trim(),
                [.. Classes.Select(name => Value(row, name))]
            );
            number++;
        }

        double Value(TableRow row, string name) =>
            row.Values.TryGetValue(name, out var text)
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                ? value
                : throw new AuditException(
                    $"{file}, {row.Place}: column \"{name}\" is not a number. All columns but path and label are class probabilities."
                );
    }

    /// <param name="onColumns">Called with the columns of a file that has a header.</param>
    private static IEnumerable<TableRow> Rows(string file, Action<IReadOnlyList<string>> onColumns)
    {
        var options = new TableOptions((message, inner) => new AuditException(message, inner), Select) { HeaderlessColumns = Headerless };
        using var stream = Opened(file);
        foreach (var row in Table.Read(file, stream, options))
            yield return row;

        IReadOnlyCollection<string> Select(IReadOnlyList<string> names)
        {
            if (names.Count > 0)
                onColumns(names);
            return names;
        }
    }

    private static SynchronousFileStream Opened(string file)
    {
        try
        {
            return new SynchronousFileStream(File.OpenHandle(file));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new AuditException($"{file} cannot be read: {error.Message}", error);
        }
    }

    /// <summary>
    /// A first row of numbers is data, unless it counts the classes (0, 1, 2, ...), as data frames write columns without names.
    /// </summary>
    private static List<string>? Headerless(IReadOnlyList<string> first)
    {
        var isData = first.All(text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _));
        var indices = Enumerable.Range(0, first.Count).Select(index => index.ToString(CultureInfo.InvariantCulture)).ToList();
        return isData && !first.Select(text => text.Trim()).SequenceEqual(indices) ? indices : null;
    }
}
