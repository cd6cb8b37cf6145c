namespace AgCam.Labels;

/// <summary>Paths and labels as a file states them.</summary>
internal sealed class LabelTable
{
    /// <summary>Column names that mean the image's path, and those that mean its label; the first that is there counts.</summary>
    private static readonly string[] PathColumns = ["path", "file_name", "filename", "file", "image", "image_path", "filepath"];

    private static readonly string[] LabelColumns = ["label", "class", "class_name", "category", "target", "wnid", "synset", "label_name"];

    private readonly Dictionary<string, string> _byPath = new(StringComparer.Ordinal);
    private readonly HashSet<string> _labels = new(StringComparer.Ordinal);
    private readonly string[] _bases;

    private LabelTable(string file, IReadOnlyList<string> roots) =>
        _bases = [.. new[] { Path.GetDirectoryName(Path.GetFullPath(file))! }.Concat(roots.Select(Path.GetFullPath)).Append(Environment.CurrentDirectory).Distinct()];

    public IReadOnlyCollection<string> Labels => _labels;

    public static LabelTable Read(string file, IReadOnlyList<string> roots, (string Path, string Label)? columns)
    {
        var table = new LabelTable(file, roots);
        try
        {
            using var stream = File.OpenRead(file);
            foreach (var (row, path, label) in Rows(file, stream, columns))
                table.Add(file, row, path, label);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new LabelException($"The labels {file} cannot be read: {error.Message}", error);
        }

        return table._byPath.Count > 0 ? table : throw new LabelException($"{file} holds no labels. It needs rows with a path and a label.");
    }

    public string? Find(string image)
    {
        var full = Path.GetFullPath(image);
        if (_byPath.TryGetValue(full, out var label))
            return label;
        foreach (var folder in _bases)
            if (_byPath.TryGetValue(Path.GetRelativePath(folder, full), out label))
                return label;
        return null;
    }

    /// <summary>Which columns hold path and label.</summary>
    /// <returns>Null when the names are none of the usual ones and none were given.</returns>
    /// <exception cref="LabelException">The given names are not there.</exception>
    public static (int Path, int Label)? Columns(string file, IReadOnlyList<string> names, (string Path, string Label)? given)
    {
        var lower = names.Select(name => name.Trim().ToLowerInvariant()).ToList();
        if (given is { } columns)
        {
            var (path, label) = (lower.IndexOf(columns.Path.ToLowerInvariant()), lower.IndexOf(columns.Label.ToLowerInvariant()));
            return path >= 0 && label >= 0
                ? (path, label)
                : throw new LabelException($"{file} has no column \"{(path < 0 ? columns.Path : columns.Label)}\"; it has {string.Join(", ", names)}.");
        }

        var (p, l) = (First(PathColumns), First(LabelColumns));
        return p >= 0 && l >= 0 ? (p, l) : null;

        int First(string[] wanted) => wanted.Select(name => lower.IndexOf(name)).FirstOrDefault(at => at >= 0, -1);
    }

    private static IEnumerable<(long Row, string Path, string Label)> Rows(string file, Stream stream, (string Path, string Label)? columns) =>
        Path.GetExtension(file).ToLowerInvariant() switch
        {
            ".parquet" => ParquetLabels.Read(file, stream, columns),
            ".jsonl" or ".ndjson" => JsonLabels.Read(file, stream, columns),
            _ => CsvLabels.Read(file, stream, columns),
        };

    private void Add(string file, long row, string path, string label)
    {
        if (path.Length == 0 || label.Length == 0)
            throw new LabelException($"{file}, row {row}: {(path.Length == 0 ? "the path" : "the label")} is empty.");
        var key = path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path;
        if (!_byPath.TryAdd(key, label) && _byPath[key] != label)
            throw new LabelException($"{file}, row {row}: {path} is labelled \"{label}\", but \"{_byPath[key]}\" before. An image has one label; remove one of the rows.");
        _labels.Add(label);
    }
}
