using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Cli.Explaining;

internal enum SavedPicture
{
    None,
    Overlay,
    Strip,
}

/// <summary>What one `agcam explain` is asked to do, apart from the model.</summary>
internal sealed record ExplainRun
{
    public required IReadOnlyList<string> Paths { get; init; }

    public required ExplainOptions Options { get; init; }

    /// <summary>Targets as they were typed, for the provenance.</summary>
    public required IReadOnlyList<string> Targets { get; init; }

    public required ImageLimits Limits { get; init; }

    /// <summary>Images of one forward pass.</summary>
    public required int Batch { get; init; }

    /// <summary>Batches that are computed at the same time.</summary>
    public int ParallelBatches { get; init; } = 1;

    public string? Out { get; init; }

    public SavedPicture Save { get; init; }

    public PictureOptions Pictures { get; init; } = new();

    /// <summary>Rows on stdout as JSON, one object a line.</summary>
    public bool Json { get; init; }

    /// <summary>Raw heatmap values in the rows.</summary>
    public bool Raw { get; init; }

    public bool Quiet { get; init; }

    public string? SummaryFile { get; init; }

    /// <summary>Failed images that the run may have and still exit 0.</summary>
    public long MaxFailures { get; init; }
}
