using AgCam.Images;
using AgCam.Tables;

namespace AgCam.Labels;

/// <summary>Paths and labels of a table.</summary>
internal sealed class LabelTable
{
    /// <summary>Usual column names of the image's path and of its label. The first existing one is used.</summary>
    private static readonly string[] PathColumns = ["path", "file_name", "filename", "file", "image", "image_path", "filepath"];

    private static readonly string[] LabelColumns = ["label", "class", "class_name", "category", "target", "wnid", "synset", "label_name"];

    private readonly Dictionary<string, string> _byPath = new(StringComparer.Ordinal);
    private readonly HashSet<string> _labels = new(StringComparer.Ordinal);
    private readonly string _file;
    private readonly string[] _bases;

    private LabelTable(string file, IReadOnlyList<string> roots)
    {
        _file = file;
        _bases =
        [
            .. new[] { Path.GetDirectoryName(Path.GetFullPath(file))! }
                .Concat(roots.Select(Path.GetFullPath))
                .Append(Environment.CurrentDirectory)
                .Distinct(),
        ];
    }

    public IReadOnlyCollection<string> Labels => _labels;

    /// <param name="given">Names of the columns. Null finds them by their usual names. A CSV file without a header has the path first and
    /// the label second.</param>
    /// <exception cref="LabelException">The file cannot be read or contradicts itself.</exception>
    public static LabelTable Read(string file, IReadOnlyList<string> roots, (string Path, string Label)? given)
    {
        var table = new LabelTable(file, roots);
        (string Path, string Label)? header = null;
        var options = new TableOptions((message, inner) => new LabelException(message, inner), Select)
        {
            HeaderlessColumns = names => Columns(file, names, given) is null ? ["path", "label"] : null,
        };
        try
        {
            using var stream = new SynchronousFileStream(File.OpenHandle(file));
            foreach (var row in Table.Read(file, stream, options))
            {
                var (path, label) =
                    header
                    ?? Columns(file, [.. row.Values.Keys], given)
                    ?? throw new LabelException($"{file}, {row.Place}has neither path nor file_name with a label.");
                table.Add(file, row.Place, row.Values[path], row.Values[label].Trim());
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new LabelException($"The labels {file} cannot be read: {error.Message}", error);
        }

        return table._byPath.Count > 0
            ? table
            : throw new LabelException($"{file} holds no labels. It needs rows with a path and a label.");

        IReadOnlyCollection<string> Select(IReadOnlyList<string> names)
        {
            if (names.Count == 0)
                return [];
            header =
                Columns(file, names, given)
                ?? throw new LabelException($"{file} has no path and label columns by a usual name. Name them.");
            return [header.Value.Path, header.Value.Label];
        }
    }

    public string? Find(string image)
    {
        foreach (var path in Paths(image))
            if (_byPath.TryGetValue(path, out var label))
                return label;
        return null;
    }

    /// <summary>Returns an error message: none of the images is in the file, and where this one was looked for.</summary>
    public string NoMatch(string image) =>
        $"{_file} labels none of the images. {image} was looked for in it as "
        + $"{string.Join(", ", Paths(image).Where(path => !path.StartsWith("..", StringComparison.Ordinal)).Distinct())}; "
        + $"the file has e.g. {_byPath.Keys.First()}. Write absolute paths, or paths relative to the file's folder, to a given "
        + "folder of images or to the current folder.";

    /// <summary>Paths under which the file may name an image.</summary>
    private IEnumerable<string> Paths(string image)
    {
        var full = Path.GetFullPath(image);
        yield return full;
        foreach (var folder in _bases)
            yield return Path.GetRelativePath(folder, full);
    }

    /// <summary>Finds the path and label columns, ignoring case.</summary>
    /// <returns>Null when no names were given and the table has no usual ones.</returns>
    /// <exception cref="LabelException">The given names do not exist. The message lists the columns only where the file has a path
    /// column.</exception>
    private static (string Path, string Label)? Columns(string file, IReadOnlyList<string> names, (string Path, string Label)? given)
    {
        if (given is not { } wanted)
            return UsualPath(names) is { } usual && UsualLabel(names) is { } usualLabel ? (usual, usualLabel) : null;
        var (path, label) = (First(names, [wanted.Path]), First(names, [wanted.Label]));
        if (path is not null && label is not null)
            return (path, label);
        var known = path ?? UsualPath(names);
        var there = known is null ? "" : $"; it has {string.Join(", ", names)}";
        throw new LabelException($"{file} has no column \"{(path is null ? wanted.Path : wanted.Label)}\"{there}.");
    }

    /// <summary>Returns the column with a usual name of a path, ignoring case.</summary>
    public static string? UsualPath(IReadOnlyList<string> names) => First(names, PathColumns);

    /// <summary>Returns the column with a usual name of a label, ignoring case.</summary>
    public static string? UsualLabel(IReadOnlyList<string> names) => First(names, LabelColumns);

    private static string? First(IReadOnlyList<string> names, string[] wanted) =>
        wanted
            .Select(name => names.FirstOrDefault(column => column.Trim().Equals(name, StringComparison.OrdinalIgnoreCase)))
            .FirstOrDefault(column => column is not null);

    private void Add(string file, string place, string path, string label)
    {
        if (path.Length == 0 || label.Length == 0)
            throw new LabelException($"{file}, {place}: {(path.Length == 0 ? "the path" : "the label")} is empty.");
        var key = path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path;
        if (!_byPath.TryAdd(key, label) && _byPath[key] != label)
            throw new LabelException(
                $"{file}, {place}: {path} is labelled \"{label}\", but \"{_byPath[key]}\" before. Remove one of the rows."
            );
        _labels.Add(label);
    }
}
