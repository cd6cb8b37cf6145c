using System.Collections.Concurrent;

namespace AgCam.Labels;

/// <summary>Finds the label of an image by index, name or WordNet id, from a file or from the name of the image's folder.</summary>
public sealed class ImageLabels
{
    private readonly ClassNames _classes;
    private readonly LabelTable? _table;
    private readonly ConcurrentDictionary<string, long> _unknown = new(StringComparer.Ordinal);
    private long _unlabelled;

    private ImageLabels(ClassNames classes, LabelTable? table) => (_classes, _table) = (classes, table);

    /// <summary>Number of images without a label so far.</summary>
    public long Unlabelled => Interlocked.Read(ref _unlabelled);

    /// <summary>Labels that are not classes of the model, each with its number of images.</summary>
    public IReadOnlyDictionary<string, long> Unknown => _unknown;

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
                    + "Labels are class indices, names or WordNet ids; --classes FILE gives a model its names."
            );
        return new ImageLabels(classes, table);
    }

    /// <summary>Returns the class index. Null where there is no label, or the model does not have it. Thread-safe.</summary>
    public int? Find(string image)
    {
        var label = _table is null ? Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(image))) : _table.Find(image);
        if (string.IsNullOrEmpty(label))
        {
            Interlocked.Increment(ref _unlabelled);
            return null;
        }

        var index = _classes.Find(label);
        if (index >= 0)
            return index;
        // Limits memory: a folder tree can have any number of names, and a few hundred show the cause.
        if (_unknown.Count < 1000 || _unknown.ContainsKey(label))
            _unknown.AddOrUpdate(label, 1, (_, count) => count + 1);
        return null;
    }
}

/// <summary>Labels cannot be used. The message names the next step for the operator.</summary>
public sealed class LabelException(string message, Exception? inner = null) : Exception(message, inner);
