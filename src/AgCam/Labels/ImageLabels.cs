using System.Collections.Concurrent;

namespace AgCam.Labels;

/// <summary>
/// The label of an image: its class as a person gave it, by index, name or WordNet id; from a file, or from the name of the image's folder.
/// </summary>
public sealed class ImageLabels
{
    private readonly ClassNames _classes;
    private readonly LabelTable? _table;
    private readonly ConcurrentDictionary<string, long> _unknown = new(StringComparer.Ordinal);
    private long _unlabelled;

    private ImageLabels(ClassNames classes, LabelTable? table) => (_classes, _table) = (classes, table);

    /// <summary>Images without a label so far.</summary>
    public long Unlabelled => Interlocked.Read(ref _unlabelled);

    /// <summary>Labels that are no class of the model, with how many images have them.</summary>
    public IReadOnlyDictionary<string, long> Unknown => _unknown;

    /// <summary>Class folders: dog/rex.jpg is labelled dog.</summary>
    public static ImageLabels FromFolders(ClassNames classes) => new(classes, null);

    /// <param name="file">CSV or TSV, JSONL or Parquet, told apart by the extension.</param>
    /// <param name="roots">Folders that relative paths may be meant from, after the file's own.</param>
    /// <param name="columns">Names of the columns with the path and the label; null finds them by their usual names.</param>
    /// <exception cref="LabelException">The file cannot be read, contradicts itself, or not one of its labels is a class of the
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
                $"Not one of the {table.Labels.Count} labels in {file} is a class of the model: \"{table.Labels.First()}\" is "
                    + $"not, {classes.Near(table.Labels.First())}. "
                    + "Labels are class indices, names or WordNet ids; --classes FILE gives a model its names."
            );
        return new ImageLabels(classes, table);
    }

    /// <summary>The class index, null where there is no label or none that the model knows. Safe for use from several threads.</summary>
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
        // A tree of folders may have any number of names: a few hundred are enough to tell what is wrong.
        if (_unknown.Count < 1000 || _unknown.ContainsKey(label))
            _unknown.AddOrUpdate(label, 1, (_, count) => count + 1);
        return null;
    }
}

/// <summary>Labels cannot be used. The caller must act; the message says how.</summary>
public sealed class LabelException(string message, Exception? inner = null) : Exception(message, inner);
