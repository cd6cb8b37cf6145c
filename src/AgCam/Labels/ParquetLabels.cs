using System.Globalization;
using Parquet;
using Parquet.Schema;

namespace AgCam.Labels;

/// <summary>Two columns of a Parquet file, row group by row group: text, or integers for the label.</summary>
internal static class ParquetLabels
{
    public static IEnumerable<(long Row, string Path, string Label)> Read(string file, Stream stream, (string Path, string Label)? given)
    {
        var reader = Of(file, () => ParquetReader.CreateAsync(stream));
        try
        {
            var fields = reader.Schema.DataFields;
            var (path, label) = LabelTable.Columns(file, [.. fields.Select(field => field.Name)], given)
                ?? throw new LabelException($"{file} has no column of paths and of labels by a usual name; it has {string.Join(", ", fields.Select(field => field.Name))}.");
            var row = 0L;
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                using var rows = reader.OpenRowGroupReader(group);
                var paths = Of(file, () => Texts(rows, fields[path], file));
                var labels = Of(file, () => Texts(rows, fields[label], file));
                for (var i = 0; i < paths.Length; i++)
                    yield return (++row, paths[i], labels[i]);
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    internal static async Task<string[]> Texts(ParquetRowGroupReader rows, DataField field, string file)
    {
        if (field.ClrType == typeof(string) || field.ClrType == typeof(ReadOnlyMemory<char>)) // what text is called differs with how it was written
        {
            var texts = new string?[rows.RowCount];
            await rows.ReadAsync(field, texts.AsMemory());
            return [.. texts.Select(text => text ?? "")];
        }

        return field.ClrType switch
        {
            var type when type == typeof(int) => await Numbers<int>(rows, field),
            var type when type == typeof(long) => await Numbers<long>(rows, field),
            var type when type == typeof(short) => await Numbers<short>(rows, field),
            var type when type == typeof(byte) => await Numbers<byte>(rows, field),
            var other => throw new LabelException($"{file}: the column \"{field.Name}\" holds {other.Name}; text or integers are needed."),
        };
    }

    private static async Task<string[]> Numbers<T>(ParquetRowGroupReader rows, DataField field)
        where T : struct, IFormattable
    {
        if (field.IsNullable)
        {
            var numbers = new T?[rows.RowCount];
            await rows.ReadAsync(field, numbers.AsMemory());
            return [.. numbers.Select(number => number?.ToString(null, CultureInfo.InvariantCulture) ?? "")];
        }

        var plain = new T[rows.RowCount];
        await rows.ReadAsync(field, plain.AsMemory());
        return [.. plain.Select(number => number.ToString(null, CultureInfo.InvariantCulture))];
    }

    // The reader throws what its parts throw: a broken file is any of it.
    internal static T Of<T>(string file, Func<Task<T>> read)
    {
        try
        {
            return Task.Run(read).GetAwaiter().GetResult();
        }
        catch (Exception broken) when (broken is not LabelException and not OutOfMemoryException)
        {
            throw new LabelException($"{file} is no Parquet file that can be read: {broken.Message}", broken);
        }
    }
}
