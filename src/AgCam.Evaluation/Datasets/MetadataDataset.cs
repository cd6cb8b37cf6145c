using AgCam.Images;
using AgCam.Tables;

namespace AgCam.Evaluation.Datasets;

/// <summary>
/// Reads a folder of images with metadata.jsonl, .csv or .parquet: file_name, label, and objects with bbox (x, y, width, height). Unlisted
/// images come last, without a label.
/// </summary>
internal static class MetadataDataset
{
    private static readonly string[] Names = ["metadata.jsonl", "metadata.csv", "metadata.parquet"];

    public static string? FileIn(string folder, IFileReader files) =>
        Names.Select(name => Path.Combine(folder, name)).FirstOrDefault(files.FileExists);

    public static IEnumerable<Sample> Read(string path, string? images, IFileReader files)
    {
        var file = files.FileExists(path)
            ? path
            : FileIn(path, files) ?? throw new DatasetException($"{path} holds none of {string.Join(", ", Names)}.");
        var root = images ?? Path.GetDirectoryName(Path.GetFullPath(file))!;
        var listed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, label, annotation) in Rows(file, files))
        {
            var key = name.StartsWith("./", StringComparison.Ordinal) ? name[2..] : name;
            if (key.Length == 0)
                throw new DatasetException($"{file}: a row has an empty file_name.");
            if (!listed.Add(key))
            {
                yield return new Sample(Again(key, listed), Path.Combine(root, key)) { Unusable = SkipReason.ListedTwice };
                continue;
            }

            foreach (var sample in annotation.Samples(key, Path.Combine(root, key), label))
                yield return sample;
        }

        foreach (var image in ImageFiles.Walk(root, files))
            if (Path.GetRelativePath(root, image) is var key && !listed.Contains(key))
                yield return new Sample(key, image) { WithoutBoxes = SkipReason.NoBoxes };
    }

    private static IEnumerable<(string Name, string? Label, Annotation Annotation)> Rows(string file, IFileReader files)
    {
        MetadataColumns? header = null;
        var options = new TableOptions((message, inner) => new DatasetException(message, inner), Select) { WithNested = _ => true };
        using var stream = Dataset.Open(file, files);
        foreach (var row in Table.Read(file, stream, options))
        {
            var columns = header ?? ColumnsOf([.. row.Values.Keys], $"{file}, {row.Place},");
            yield return (row.Values[columns.Path], Text(columns.Label), Annotation.Read(Text(columns.Objects) ?? ""));

            string? Text(string? column) =>
                column is not null && row.Values.TryGetValue(column, out var text) && text.Trim() is { Length: > 0 } value ? value : null;
        }

        IReadOnlyCollection<string> Select(IReadOnlyList<string> names)
        {
            header = ColumnsOf(names, file);
            return header.Names;
        }
    }

    private static MetadataColumns ColumnsOf(IReadOnlyCollection<string> names, string where) =>
        MetadataColumns.In(names)
        ?? throw new DatasetException($"{where} has no file_name. Metadata needs a column file_name; label and objects.bbox are optional.");

    private static string Again(string key, HashSet<string> listed)
    {
        var number = 2;
        while (!listed.Add($"{key}#{number}"))
            number++;
        return $"{key}#{number}";
    }
}
