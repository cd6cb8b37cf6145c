using System.Globalization;
using AgCam.Images;
using AgCam.Labels;
using AgCam.Tables;

namespace AgCam.Audit.Predictions;

/// <summary>
/// Given labels of images: an .npy or .npz array of class indices in the order of the images, or a table with a label column and perhaps a
/// path column. With paths on both sides, labels are found by path; else by row.
/// </summary>
public sealed class GivenLabels
{
    private static readonly string[] ArrayNames = ["labels", "given_labels", "y", "targets"];

    private readonly Func<long, string?, string?> _find;

    private GivenLabels(Func<long, string?, string?> find, long? count) => (_find, Count) = (find, count);

    /// <summary>Number of labels that are found by row; null when they are found by path.</summary>
    public long? Count { get; }

    /// <param name="file">.npy, .npz, CSV, TSV, JSON lines or Parquet, by its extension.</param>
    /// <param name="byPath">True when the images have paths.</param>
    /// <exception cref="AuditException">The file holds no labels.</exception>
    public static GivenLabels Open(string file, bool byPath)
    {
        if (Path.GetExtension(file).ToLowerInvariant() is ".npy" or ".npz")
            return FromArray(file);
        try
        {
            var columns = Columns(file);
            if (byPath && LabelTable.UsualPath(columns) is not null)
            {
                var table = LabelTable.Read(file, [], null);
                return new GivenLabels((_, path) => path is null ? null : table.Find(path), null);
            }
            return FromColumn(file, LabelTable.UsualLabel(columns) ?? (columns is [var only] ? only : null));
        }
        catch (LabelException broken)
        {
            throw new AuditException(broken.Message, broken);
        }
    }

    /// <summary>Returns the label of an image; null when it has none.</summary>
    public string? Find(long number, string? path) => _find(number, path);

    private static GivenLabels FromArray(string file)
    {
        using var array = ArrayFile.Open(file, ArrayNames);
        if (array.Shape is not [var count] || !array.IsInteger)
            throw new AuditException(
                $"{file} has the shape [{string.Join(", ", array.Shape)}]{(array.IsInteger ? "" : " of floats")}. "
                    + "Labels need one integer per image: [images]."
            );
        var labels = new int[count];
        for (var i = 0L; i < count; i++)
            labels[i] = (int)Math.Clamp(array[i], int.MinValue, int.MaxValue);
        return new GivenLabels((number, _) => labels[number].ToString(CultureInfo.InvariantCulture), count);
    }

    private static GivenLabels FromColumn(string file, string? column)
    {
        if (column is null)
            throw new AuditException($"{file} has no label column by a usual name. Name it label.");
        var labels = new List<string?>();
        foreach (var row in Rows(file, _ => [column]))
            labels.Add(row.Values.GetValueOrDefault(column)?.Trim() is { Length: > 0 } label ? label : null);
        return new GivenLabels((number, _) => labels[(int)number], labels.Count);
    }

    private static IReadOnlyList<string> Columns(string file)
    {
        IReadOnlyList<string> columns = [];
        foreach (var row in Rows(file, names => columns = names))
        {
            if (columns is [])
                columns = [.. row.Values.Keys]; // JSON lines
            break;
        }
        return columns;
    }

    private static IEnumerable<TableRow> Rows(string file, Func<IReadOnlyList<string>, IReadOnlyCollection<string>> select)
    {
        using var stream = Opened(file);
        foreach (var row in Table.Read(file, stream, new TableOptions((message, inner) => new AuditException(message, inner), select)))
            yield return row;
    }

    private static SynchronousFileStream Opened(string file)
    {
        try
        {
            return new SynchronousFileStream(File.OpenHandle(file));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new AuditException($"The labels {file} cannot be read: {error.Message}", error);
        }
    }
}
