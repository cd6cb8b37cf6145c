using System.Text;
using AgCam.Labels;

namespace AgCam.Cli.Explaining;

/// <summary>
/// Writes --out: explanations.jsonl, a provenance file per way of computing, and pictures. A second run skips finished images. An image is
/// finished when its newest row has the same bytes, label and settings, and its pictures exist. Older rows stay.
/// </summary>
internal sealed class OutputFolder : IDisposable
{
    public const string RowsFile = "explanations.jsonl";

    private readonly ExplainRun _run;
    private readonly Explainer _explainer;
    private readonly IReadOnlyList<Target> _targets;
    private readonly ExplanationRecipe _recipe;
    private readonly FileStream _rows;
    private readonly DoneRows _done;
    private readonly PicturePaths _pictures;

    public OutputFolder(Explainer explainer, ExplainRun run, RunProvenance provenance)
    {
        (_explainer, _run, _targets, _recipe) = (explainer, run, run.Options.Targets, explainer.Recipe(run.Options));
        Folder = Directory.CreateDirectory(run.Out!).FullName;
        _pictures = new PicturePaths(Folder, run.Save);
        _rows = OpenRows(Path.Combine(Folder, RowsFile));
        _done = DoneRows.Read(_rows, provenance.Equivalent(Folder), Key);
        var file = Path.Combine(Folder, $"provenance-{provenance.Id}.json");
        if (!File.Exists(file))
            AtomicFile.Write(file, provenance.Bytes);
    }

    public string Folder { get; }

    /// <summary>Returns the finished row of an image; null when it must be computed. Thread-safe.</summary>
    public DoneRow? Find(ReadImage image) => _done.Find(image.Source.Path, Key(image.Source.Path, image.Sha256, image.Label));

    /// <summary>Returns whether the pictures of all explanations of a row exist and belong to the image.</summary>
    public bool HasPictures(ImageSource source, DoneRow row)
    {
        if (_run.Save == SavedPictures.None)
            return true;
        var owner = PicturePaths.Owner(source);
        var classes = _run.ClassInNames ? ClassFileName.OfRow(ReadRow(row)) : null;
        return Enumerable
            .Range(0, row.Explanations)
            .All(target => _run.Save.Each().All(kind => PictureOwner.Of(_pictures.Of(source, kind, target, classes?[target])) == owner));
    }

    public void ReservePictureName(ImageSource source) => _pictures.Reserve(source);

    public string PicturePath(ImageSource source, SavedPictures kind, int index, TargetExplanation target) =>
        _pictures.Of(source, kind, index, _run.ClassInNames ? ClassFileName.Of(target) : null);

    /// <summary>Reads the row of an earlier run, without its line end.</summary>
    public byte[] ReadRow(DoneRow row) => JsonLines.ReadAt(_rows, row.At);

    public void Append(ReadOnlySpan<byte> row)
    {
        _rows.Write(row);
        _rows.WriteByte((byte)'\n');
    }

    /// <summary>Writes a failure, unless the newest row of the path is the same failure.</summary>
    public void AppendFailure(string path, ReadOnlySpan<byte> row)
    {
        if (!_done.HasFailure(path, row))
            Append(row);
    }

    public void Flush() => _rows.Flush();

    public void Dispose() => _rows.Dispose();

    private Digest Key(string path, Digest image, ImageLabel? label)
    {
        var id = ExplanationId.Compute(image, _recipe, [.. _targets.Select(target => target.Canonical(label?.Class))]);
        return Digest.Of(Encoding.UTF8.GetBytes($"{id} {label?.Class}\0{label?.Given}\0{path}"));
    }

    private static FileStream OpenRows(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 16);
        }
        catch (IOException busy) when (File.Exists(path))
        {
            throw new UsageException(
                $"{path} cannot be opened ({busy.Message}). Is another run writing to it? Give that folder to one run at a time."
            );
        }
    }
}
