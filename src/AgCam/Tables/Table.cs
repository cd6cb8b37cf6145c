namespace AgCam.Tables;

/// <summary>
/// Reads CSV, TSV, JSON lines and Parquet as rows of text, one after the other. Memory does not grow with the number of rows.
/// </summary>
internal static class Table
{
    /// <summary>Maximum number of characters of a row, a field or a line of JSON.</summary>
    public const int MaxRow = 1 << 20;

    private const string Parquet = ".parquet";

    private static readonly string[] JsonLines = [".jsonl", ".ndjson"];

    /// <summary>Extensions of the files that are read, whatever their case. Any other extension is read as CSV.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".csv", ".tsv", .. JsonLines, Parquet];

    /// <summary>Says whether all rows have the same columns. Each object of JSON lines has its own.</summary>
    public static bool HasHeader(string file) => !JsonLines.Contains(Extension(file));

    /// <param name="file">Name of the file, for its extension and for messages.</param>
    /// <param name="stream">Content of the file. Parquet needs one that can seek and that reads on the calling thread, such as <see
    /// cref="Images.SynchronousFileStream"/>.</param>
    /// <exception cref="Exception">The table is broken or breaks a limit: what <see cref="TableOptions.Error"/> makes of it. No message
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

/// <summary>What the reader of a table needs to know of its use.</summary>
/// <param name="Error">Makes the exception that a user of the table throws of a message and its cause.</param>
/// <param name="Select">
/// Returns those of a table's columns that are needed; the others are not read. It is not asked for JSON lines. It may throw when a
/// column is missing.
/// </param>
internal sealed record TableOptions(
    Func<string, Exception?, Exception> Error,
    Func<IReadOnlyList<string>, IReadOnlyCollection<string>> Select
)
{
    /// <summary>
    /// Names of the columns of a CSV file whose first row is no header, by that row; null when it is one. Default: the first row is a
    /// header.
    /// </summary>
    public Func<IReadOnlyList<string>, IReadOnlyList<string>?> HeaderlessColumns { get; init; } = _ => null;

    /// <summary>
    /// When true, lists and objects of JSON lines and lists of lists of numbers of Parquet are values too: JSON text. Default false.
    /// </summary>
    public bool WithNested { get; init; }
}

/// <param name="Place">Where the row is, for messages: "line 3", or "row 3" of Parquet.</param>
/// <param name="Values">Values by the names of their columns, in the file's order. What JSON leaves out or states as null is
/// missing.</param>
internal sealed record TableRow(string Place, IReadOnlyDictionary<string, string> Values);

/// <summary>A table is broken or breaks a limit. The message goes on behind the file's name.</summary>
internal sealed class TableException(string message, Exception? inner = null) : Exception(message, inner);
