using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace AgCam.Tables;

/// <summary>
/// Reads text and scalar columns of a Parquet file, with one row group in memory. Lists of lists of numbers become JSON text. Other nested
/// columns are skipped.
/// </summary>
internal static class ParquetTable
{
    /// <summary>Maximum number of rows of a row group.</summary>
    private const int MaxRows = 1 << 21;

    /// <summary>Maximum number of bytes of the footer, which describes the columns of every row group.</summary>
    private const int MaxFooter = 64 << 20;

    private const string Broken = " is not a readable Parquet file";

    public static IEnumerable<TableRow> Read(Stream stream, TableOptions options)
    {
        CheckFooter(stream);
        var reader = Read(() => ParquetReader.CreateAsync(stream));
        try
        {
            var fields = Fields(reader, options);
            string[] names = [.. options.Select([.. fields.Keys])];
            var row = 0L;
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                using var rows = Read(() => Task.FromResult(reader.OpenRowGroupReader(group)));
                if (rows.RowCount > MaxRows)
                    throw new TableException(
                        $": row group {group} has {rows.RowCount} rows, too many. Write row groups of at most {MaxRows} rows."
                    );
                string?[][] columns = [.. names.Select(name => Read(() => fields[name].ReadAsync(rows)))];
                if (columns.Any(column => column.Length != rows.RowCount))
                    throw new TableException($"{Broken}: its columns have different lengths.");
                for (var i = 0; i < rows.RowCount; i++)
                    yield return new TableRow($"row {++row}", Values(names, columns, i));
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static Dictionary<string, string> Values(string[] names, string?[][] columns, int row)
    {
        var values = new Dictionary<string, string>(names.Length, StringComparer.Ordinal);
        for (var i = 0; i < names.Length; i++)
            values.Add(names[i], columns[i][row] ?? "");
        return values;
    }

    /// <summary>Checks the footer's length first, because the library allocates the length that the file claims.</summary>
    private static void CheckFooter(Stream stream)
    {
        const int Tail = 8; // the footer's length and PAR1
        var tail = new byte[Tail];
        if (stream.Length < 4 + Tail)
            throw new TableException($"{Broken}: it is too short.");
        stream.Position = stream.Length - Tail;
        stream.ReadExactly(tail);
        stream.Position = 0;
        var length = BinaryPrimitives.ReadInt32LittleEndian(tail);
        if (!tail.AsSpan(4).SequenceEqual("PAR1"u8))
            throw new TableException($"{Broken}: the end mark PAR1 is missing.");
        if (length <= 0 || length > stream.Length - 4 - Tail)
            throw new TableException($"{Broken}: it is shorter than its stated footer.");
        if (length > MaxFooter)
            throw new TableException($"{Broken}: its footer has more than {MaxFooter} bytes.");
    }

    private sealed record Column(DataField Field, Func<ParquetRowGroupReader, DataField, Task<string?[]>> Read)
    {
        public Task<string?[]> ReadAsync(ParquetRowGroupReader rows) => Read(rows, Field);
    }

    /// <summary>Returns the readable columns by name. The parts of a nested name are joined by dots.</summary>
    private static Dictionary<string, Column> Fields(ParquetReader reader, TableOptions options)
    {
        var columns = new Dictionary<string, Column>(StringComparer.Ordinal);
        foreach (var field in reader.Schema.DataFields)
        {
            if (field.MaxRepetitionLevel == 0 && Plain(field) is { } read)
                columns[field.Path.ToString()] = new Column(field, read);
            else if (field.MaxRepetitionLevel == 2 && options.WithNested(NestedName(field)))
                columns[NestedName(field)] = new Column(field, BoxesAsync);
        }
        return columns;
    }

    /// <summary>Removes the list levels from a path such as bbox/list/element/list/element.</summary>
    private static string NestedName(DataField field) =>
        string.Join('.', field.Path.ToString().Split('/', '.').Where(part => part is not ("list" or "element" or "item" or "array")));

    /// <returns>Null for a type that is neither text nor scalar.</returns>
    private static Func<ParquetRowGroupReader, DataField, Task<string?[]>>? Plain(DataField field) =>
        field.ClrType switch
        {
            var type when type == typeof(string) || type == typeof(ReadOnlyMemory<char>) => TextsAsync, // depends on the writer
            var type when type == typeof(bool) => ValuesAsync<bool>,
            var type when type == typeof(sbyte) => ValuesAsync<sbyte>,
            var type when type == typeof(byte) => ValuesAsync<byte>,
            var type when type == typeof(short) => ValuesAsync<short>,
            var type when type == typeof(ushort) => ValuesAsync<ushort>,
            var type when type == typeof(int) => ValuesAsync<int>,
            var type when type == typeof(uint) => ValuesAsync<uint>,
            var type when type == typeof(long) => ValuesAsync<long>,
            var type when type == typeof(ulong) => ValuesAsync<ulong>,
            var type when type == typeof(float) => ValuesAsync<float>,
            var type when type == typeof(double) => ValuesAsync<double>,
            var type when type == typeof(decimal) => ValuesAsync<decimal>,
            var type when type == typeof(DateTime) => ValuesAsync<DateTime>,
            _ => null,
        };

    private static async Task<string?[]> TextsAsync(ParquetRowGroupReader rows, DataField field)
    {
        var texts = new string?[rows.RowCount];
        await rows.ReadAsync(field, texts.AsMemory());
        return texts;
    }

    private static async Task<string?[]> ValuesAsync<T>(ParquetRowGroupReader rows, DataField field)
        where T : struct
    {
        if (field.IsNullable)
        {
            var values = new T?[rows.RowCount];
            await rows.ReadAsync(field, values.AsMemory());
            return Array.ConvertAll(values, value => value is { } there ? Text(there) : null);
        }
        var plain = new T[rows.RowCount];
        await rows.ReadAsync(field, plain.AsMemory());
        return Array.ConvertAll(plain, Text);
    }

    private static string? Text<T>(T value)
        where T : struct =>
        value switch
        {
            bool flag => flag ? "true" : "false",
            DateTime time => time.ToString("O", CultureInfo.InvariantCulture),
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString(),
        };

    /// <summary>
    /// Repetition 0 starts a row, 1 a list in it, 2 the list's next number. Below the full definition level there is no number.
    /// </summary>
    private static async Task<string?[]> BoxesAsync(ParquetRowGroupReader rows, DataField field)
    {
        using var column = await rows.ReadRawColumnDataBaseAsync(field);
        double[] numbers = column switch
        {
            RawColumnData<double> d => d.Values.ToArray(),
            RawColumnData<float> f => [.. f.Values.ToArray().Select(value => (double)value)],
            RawColumnData<long> l => [.. l.Values.ToArray().Select(value => (double)value)],
            RawColumnData<int> n => [.. n.Values.ToArray().Select(value => (double)value)],
            _ => throw new NotSupportedException($"lists of {field.ClrType.Name} are not boxes"),
        };
        var (definitions, repetitions) = (column.DefinitionLevels.ToArray(), column.RepetitionLevels.ToArray());
        var found = new List<List<List<double>>?>();
        var next = 0;
        for (var i = 0; i < repetitions.Length; i++)
        {
            if (repetitions[i] == 0)
                found.Add(definitions[i] <= 1 ? null : []);
            if (definitions[i] < field.MaxDefinitionLevel)
                continue;
            if (repetitions[i] < 2)
                found[^1]!.Add([]);
            found[^1]![^1].Add(numbers[next++]);
        }
        return [.. found.Select(lists => lists is null ? null : JsonSerializer.Serialize(lists.Select(list => list.Select(Finite))))];
    }

    /// <summary>Returns null for numbers that JSON cannot hold.</summary>
    private static double? Finite(double number) => double.IsFinite(number) ? number : null;

    /// <summary>
    /// Runs synchronously: the stream reads on the calling thread. On other threads the library would pool its buffers once per thread,
    /// with the texts of a whole row group. The library throws any exception for a broken file, and OutOfMemoryException for a page that
    /// claims to be large.
    /// </summary>
    private static T Read<T>(Func<Task<T>> read)
    {
        try
        {
            return read().GetAwaiter().GetResult();
        }
        catch (NotSupportedException unknown)
        {
            throw new TableException($"{Broken}: {unknown.Message}", unknown);
        }
        catch (Exception broken) when (broken is not TableException)
        {
            throw new TableException($"{Broken}: its data is broken ({broken.GetType().Name}).", broken);
        }
    }
}
