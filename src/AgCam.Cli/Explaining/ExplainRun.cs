using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Cli.Explaining;

/// <summary>Pictures to save of each explanation.</summary>
[Flags]
internal enum SavedPictures
{
    None = 0,
    Overlay = 1,
    Strip = 2,
}

internal static class SavedPicturesExtensions
{
    public static IEnumerable<SavedPictures> Each(this SavedPictures pictures) =>
        new[] { SavedPictures.Overlay, SavedPictures.Strip }.Where(kind => pictures.HasFlag(kind));
}

/// <summary>Settings of one `agcam explain` run, except the model.</summary>
internal sealed record ExplainRun
{
    public required IReadOnlyList<string> Paths { get; init; }

    public required ExplainOptions Options { get; init; }

    /// <summary>Targets as typed, for the provenance.</summary>
    public required IReadOnlyList<string> Targets { get; init; }

    public required ImageLimits Limits { get; init; }

    /// <summary>Images per forward pass.</summary>
    public required int Batch { get; init; }

    /// <summary>Batches that are computed in parallel.</summary>
    public int ParallelBatches { get; init; } = 1;

    public string? Out { get; init; }

    public SavedPictures Save { get; init; }

    /// <summary>Whether the names of pictures have the class in them.</summary>
    public bool ClassInNames { get; init; }

    public PictureOptions Pictures { get; init; } = new();

    /// <summary>Whether rows on stdout are JSON, one object per line.</summary>
    public bool Json { get; init; }

    /// <summary>Whether rows hold the raw heatmap values, and the embedding if the options keep it.</summary>
    public bool Raw { get; init; }

    public bool Quiet { get; init; }

    public string? SummaryFile { get; init; }

    /// <summary>Maximum number of failed images for exit code 0.</summary>
    public long MaxFailures { get; init; }
}
