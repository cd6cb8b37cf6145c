namespace AgCam.Tables;

/// <summary>Reads CSV, TSV, JSON lines and Parquet as a stream of text rows. Memory does not grow with the number of rows.</summary>
internal static class Table
{
    /// <summary>Maximum number of characters of a row, a field or a line of JSON.</summary>
    public const int MaxRow = 1 << 20;

    private const string Parquet = ".parquet";

    private static readonly string[] JsonLines = [".jsonl", ".ndjson"];

    /// <summary>Supported file extensions, in any case. Any other extension is read as CSV.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".csv", ".tsv", .. JsonLines, Parquet];

    /// <summary>Returns true when all rows have the same columns. Objects of JSON lines have their own.</summary>
    public static bool HasHeader(string file) => !JsonLines.Contains(Extension(file));

    /// <param name="file">Name of the file, for its extension and for messages.</param>
    /// <param name="stream">Content of the file. Parquet needs a seekable stream that reads on the calling thread, such as
    /// <see cref="Images.SynchronousFileStream"/>.</param>
    /// <exception cref="Exception">The table is broken or exceeds a limit, as created by <see cref="TableOptions.Error"/>. No message
    /// quotes the file.</exception>
    public static IEnumerable<TableRow> Read(string file, Stream stream, TableOptions options)
    {
        var read = Extension(file) switch
        {
            Parquet => ParquetTable.Read(stream, options),
            var extension when JsonLines.Contains(extension) => JsonLinesTable.Read(stream, options),
            ".tsv" => CsvTable.Read(stream, '\t', options),
            _ => CsvTable.Read(stream, null, options),
        };
        using var rows = read.GetEnumerator();
        while (Next(rows, file, options))
            yield return rows.Current;
    }

    private static bool Next(IEnumerator<TableRow> rows, string file, TableOptions options)
    {
        try
        {
            return rows.MoveNext();
        }
        catch (TableException broken)
        {
            throw options.Error($"{file}{broken.Message}", broken);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw options.Error($"{file} cannot be read: {unreadable.Message}", unreadable);
        }
    }

    private static string Extension(string file) => Path.GetExtension(file).ToLowerInvariant();
}

/// <summary>Options of a table reader.</summary>
/// <param name="Error">Creates the exception from a message and its cause.</param>
/// <param name="Select">Returns the needed columns; others are not read. Not called for JSON lines. May throw when a column is
/// missing.</param>
internal sealed record TableOptions(
    Func<string, Exception?, Exception> Error,
    Func<IReadOnlyList<string>, IReadOnlyCollection<string>> Select
)
{
    /// <summary>
    /// Returns column names for a CSV file whose first row is data, given that row; null when it is a header. Default: the first row is a
    /// header.
    /// </summary>
    public Func<IReadOnlyList<string>, IReadOnlyList<string>?> HeaderlessColumns { get; init; } = _ => null;

    /// <summary>
    /// Returns whether the nested values of a column are returned as JSON text: lists and objects of JSON lines, lists of lists of numbers
    /// of Parquet. Default: of no column.
    /// </summary>
    public Func<string, bool> WithNested { get; init; } = _ => false;
}

/// <param name="Place">Position of the row for messages: "line 3", or "row 3" of Parquet.</param>
/// <param name="Values">Values by column name, in file order. Missing and null JSON values have no entry.</param>
internal sealed record TableRow(string Place, IReadOnlyDictionary<string, string> Values);

/// <summary>A table is broken or exceeds a limit. The message is appended to the file's name.</summary>
internal sealed class TableException(string message, Exception? inner = null) : Exception(message, inner);
