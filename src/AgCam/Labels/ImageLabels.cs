namespace AgCam.Labels;

/// <summary>Label of an image.</summary>
/// <param name="Given">Label as the file or the folder states it.</param>
/// <param name="Class">Class index. Null where the model has no such class.</param>
public sealed record ImageLabel(string Given, int? Class);

/// <summary>Finds the label of an image by index, name or WordNet id, from a file or from the name of the image's folder.</summary>
public sealed class ImageLabels
{
    private readonly ClassNames _classes;
    private readonly LabelTable? _table;

    private ImageLabels(ClassNames classes, LabelTable? table) => (_classes, _table) = (classes, table);

    /// <summary>Labels images by their class folder: dog/rex.jpg has the label dog.</summary>
    public static ImageLabels FromFolders(ClassNames classes) => new(classes, null);

    /// <param name="file">CSV, TSV, JSONL or Parquet, by its extension.</param>
    /// <param name="roots">Folders to which relative paths may refer, after the file's own.</param>
    /// <param name="columns">Names of the path and label columns. Null finds them by their usual names.</param>
    /// <exception cref="LabelException">The file cannot be read, contradicts itself, or none of its labels is a class of the
    /// model.</exception>
    public static ImageLabels FromFile(
        string file,
        ClassNames classes,
        IReadOnlyList<string> roots,
        (string Path, string Label)? columns = null
    )
    {
        var table = LabelTable.Read(file, roots, columns);
        if (table.Labels.All(label => classes.Find(label) < 0))
            throw new LabelException(
                $"None of the {table.Labels.Count} labels in {file} is a class of the model: \"{table.Labels.First()}\" is "
                    + $"not, {classes.Near(table.Labels.First())}. "
                    + "Labels are class indices, names or WordNet ids; CheckpointOptions.ClassNames gives a model its names."
            );
        return new ImageLabels(classes, table);
    }

    /// <summary>Returns the label of an image; null where it has none. Thread-safe.</summary>
    public ImageLabel? Find(string image)
    {
        var label = _table is null ? Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(image))) : _table.Find(image);
        return string.IsNullOrEmpty(label) ? null : new ImageLabel(label, _classes.Find(label) is >= 0 and var index ? index : null);
    }

    /// <summary>Checks that the file labels at least one of the images. Labels from folders need no check.</summary>
    /// <exception cref="LabelException">It labels none. The message names where an image was looked for.</exception>
    public void ThrowIfNoneMatches(IEnumerable<string> images)
    {
        if (_table is null)
            return;
        string? first = null;
        foreach (var image in images)
        {
            if (_table.Find(image) is not null)
                return;
            first ??= image;
        }

        if (first is not null)
            throw new LabelException(_table.NoMatch(first));
    }
}

/// <summary>Labels cannot be used. The message names the next step for the operator.</summary>
public sealed class LabelException(string message, Exception? inner = null) : Exception(message, inner);
