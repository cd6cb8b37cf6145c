namespace AgCam.Cli.Explaining;

/// <summary>Counts images without a label, and lists images whose label is no class of the model.</summary>
internal sealed class LabelTally
{
    /// <summary>Maximum number of listed images, and of counted labels: a folder tree can have any number of names.</summary>
    private const int MaxImages = 20,
        MaxLabels = 1000;

    private readonly Dictionary<string, long> _unknown = new(StringComparer.Ordinal);
    private readonly List<(string Path, string Label)> _images = [];

    /// <summary>Number of images with a label, known or not.</summary>
    public long Labelled { get; private set; }

    /// <summary>Number of images without a label.</summary>
    public long Unlabelled { get; private set; }

    /// <summary>Path of the first image without a label.</summary>
    public string? FirstUnlabelled { get; private set; }

    /// <summary>Number of images whose label is no class of the model.</summary>
    public long UnknownImages { get; private set; }

    /// <summary>Labels that are no classes of the model, each with its number of images.</summary>
    public IReadOnlyDictionary<string, long> Unknown => _unknown;

    /// <summary>The first images whose label is no class of the model.</summary>
    public IReadOnlyList<(string Path, string Label)> Images => _images;

    public void Add(ReadImage image)
    {
        if (image.Label is not { } label)
        {
            Unlabelled++;
            FirstUnlabelled ??= image.Source.Path;
            return;
        }

        Labelled++;
        if (label.Class is not null)
            return;
        UnknownImages++;
        if (_images.Count < MaxImages)
            _images.Add((image.Source.Path, label.Given));
        if (_unknown.Count < MaxLabels || _unknown.ContainsKey(label.Given))
            _unknown[label.Given] = _unknown.GetValueOrDefault(label.Given) + 1;
    }
}
