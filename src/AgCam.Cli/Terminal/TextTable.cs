using Spectre.Console;

namespace AgCam.Cli.Terminal;

/// <summary>Writes tables to stdout that fit the terminal. In a file or a pipe nothing is cut.</summary>
internal static class TextTable
{
    private const int Gap = 2;

    /// <summary>Writes the table to stdout.</summary>
    /// <inheritdoc cref="Render"/>
    public static void Write<T>(
        CommandConsole console,
        IReadOnlyList<string> columns,
        IReadOnlyList<T> rows,
        Func<T, IReadOnlyList<string>> cells,
        Func<T, int, string> last
    ) => console.Output.Write(Render(columns, rows, cells, last, console.Width));

    /// <summary>Returns the table as text. A cell may have several lines. The last column takes what is left of the width.</summary>
    /// <param name="columns">Headings.</param>
    /// <param name="cells">Returns the cells of a row, without the last.</param>
    /// <param name="last">Returns the last cell of a row, for a width.</param>
    public static string Render<T>(
        IReadOnlyList<string> columns,
        IReadOnlyList<T> rows,
        Func<T, IReadOnlyList<string>> cells,
        Func<T, int, string> last,
        int width
    )
    {
        var first = rows.Select(cells).ToList();
        var used = Enumerable.Range(0, columns.Count - 1).Sum(column => Gap + Longest(columns, first, column));
        var rest = Math.Max(8, width - used);
        var table = new Table().Border(TableBorder.None);
        foreach (var column in columns)
            table.AddColumn(new TableColumn(new Text(column)).PadLeft(0).PadRight(Gap).NoWrap());
        foreach (var (row, texts) in rows.Zip(first))
            table.AddRow([.. texts.Append(last(row, rest)).Select(text => new Text(text))]);
        return Text(table, used + rest + Gap);
    }

    /// <summary>Shortens a text at its end.</summary>
    public static string Start(string text, int width) => text.Length <= width ? text : $"{text[..Math.Max(0, width - 1)]}…";

    /// <summary>Shortens a path or source at its beginning: its end tells it from others.</summary>
    public static string End(string text, int width) => text.Length <= width ? text : $"…{text[^Math.Max(0, width - 1)..]}";

    private static int Longest(IReadOnlyList<string> columns, List<IReadOnlyList<string>> rows, int column) =>
        rows.SelectMany(row => row[column].Split('\n')).Append(columns[column]).Max(line => line.Length);

    private static string Text(Table table, int width)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = width;
        console.Write(table);
        return string.Concat(text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"{line.TrimEnd()}\n"));
    }
}
