using System.Globalization;
using System.Runtime.CompilerServices;
using Parquet;
using Parquet.Schema;

namespace AgCam.Pipeline.Jobs.Sources;

/// <summary>A Parquet file's rows as text, one row group in memory at a time, and of its columns only those that are wanted. Lists, structures and bytes are left out.</summary>
internal static class ParquetRows
{
    private const int MaxRows = 1 << 21;

    /// <param name="wanted">From the names of the columns there are to those that are needed.</param>
    /// <exception cref="SourceException">No Parquet file that can be read, or a row group is too large to be held.</exception>
    public static async IAsyncEnumerable<IReadOnlyDictionary<string, string>> ReadAsync(
        string path, Func<IReadOnlyCollection<string>, IReadOnlyCollection<string>> wanted, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var stream = await OfAsync(path, () => Task.FromResult(File.OpenRead(path)));
        await using var reader = await OfAsync(path, () => ParquetReader.CreateAsync(stream, cancellationToken: cancel));
        var fields = reader.Schema.DataFields.Where(field => field.MaxRepetitionLevel == 0 && Reading(field) is not null).ToDictionary(field => field.Path.ToString());
        var names = wanted(fields.Keys).ToArray();
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            using var rows = reader.OpenRowGroupReader(group);
            if (rows.RowCount > MaxRows)
                throw new SourceException($"{path}: row group {group} has {rows.RowCount} rows, more than can be held at a time. Write the file with row groups of at most {MaxRows} rows.");
            var columns = new string[names.Length][];
            for (var i = 0; i < names.Length; i++)
            {
                var field = fields[names[i]];
                columns[i] = await OfAsync(path, () => Reading(field)!(rows, field, cancel));
            }
            for (var row = 0; row < rows.RowCount; row++)
            {
                cancel.ThrowIfCancellationRequested();
                var values = new Dictionary<string, string>(names.Length);
                for (var i = 0; i < names.Length; i++)
                    values.Add(names[i], columns[i][row]);
                yield return values;
            }
        }
    }

    private delegate Task<string[]> Read(ParquetRowGroupReader rows, DataField field, CancellationToken cancel);

    /// <returns>Null for a type that is no text and no plain value.</returns>
    private static Read? Reading(DataField field) => field.ClrType switch
    {
        var type when type == typeof(string) || type == typeof(ReadOnlyMemory<char>) => TextsAsync, // what text is called differs with how it was written
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

    private static async Task<string[]> TextsAsync(ParquetRowGroupReader rows, DataField field, CancellationToken cancel)
    {
        var texts = new string?[rows.RowCount];
        await rows.ReadAsync(field, texts.AsMemory(), cancellationToken: cancel);
        return Array.ConvertAll(texts, text => text ?? "");
    }

    private static async Task<string[]> ValuesAsync<T>(ParquetRowGroupReader rows, DataField field, CancellationToken cancel)
        where T : struct
    {
        if (field.IsNullable)
        {
            var values = new T?[rows.RowCount];
            await rows.ReadAsync(field, values.AsMemory(), cancellationToken: cancel);
            return Array.ConvertAll(values, value => value is { } there ? Text(there) : "");
        }
        var plain = new T[rows.RowCount];
        await rows.ReadAsync(field, plain.AsMemory(), cancellationToken: cancel);
        return Array.ConvertAll(plain, Text);
    }

    private static string Text<T>(T value)
        where T : struct => value switch
        {
            bool flag => flag ? "true" : "false",
            DateTime time => time.ToString("O", CultureInfo.InvariantCulture),
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString() ?? "",
        };

    // The reader throws what its parts throw: a broken file is any of it.
    private static async Task<T> OfAsync<T>(string path, Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception broken) when (broken is not OperationCanceledException and not SourceException and not OutOfMemoryException)
        {
            throw new SourceException($"{path} is no Parquet file that can be read: {broken.Message}", broken);
        }
    }
}
