using AgCam.Evaluation.Datasets;
using AgCam.Heatmaps;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Audit;

/// <summary>What an audit knows about one image. Null stands for what the input lacks.</summary>
/// <param name="Number">Row of the image in the input, from 0.</param>
/// <param name="Path">Path or name of the image.</param>
public sealed record AuditRow(long Number, string? Path)
{
    /// <summary>Where the image is stored.</summary>
    public ImageReference? Reference { get; init; }

    /// <summary>Class index of the given label.</summary>
    public int? Label { get; init; }

    public ClassProbabilities? Probabilities { get; init; }

    /// <summary>SHA-256 of the image file.</summary>
    public Digest? Sha256 { get; init; }

    public PictureFacts? Picture { get; init; }

    /// <summary>Raw map of the predicted class on the model's patch grid.</summary>
    public Heatmap? Map
    {
        get;
        init
        {
            field = value;
            Shares = value is null ? null : MapShares.Of(value);
        }
    }

    /// <summary>The map as a distribution over patches; null without a map that has positive values.</summary>
    public MapShares? Shares { get; private init; }

    /// <summary>
    /// Rectangle of the picture that the map covers, in original pixels: smaller after a crop. Null for the whole picture.
    /// </summary>
    public BoundingBox? MapArea { get; init; }

    /// <summary>Boxes of the map, in original pixels.</summary>
    public IReadOnlyList<BoundingBox> Boxes { get; init; } = [];

    /// <summary>Annotated boxes. Null when nothing is known of them; <see cref="Annotation.None"/> when the image has none.</summary>
    public Annotation? Objects { get; init; }

    /// <summary>Class token after the last norm.</summary>
    public float[]? Embedding { get; init; }

    /// <summary>Part of the dataset, such as "train".</summary>
    public string? Split { get; init; }

    /// <summary>Columns of the manifest.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}
