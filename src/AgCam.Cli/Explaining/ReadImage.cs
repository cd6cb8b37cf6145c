using AgCam.Images;
using AgCam.Preprocessing;

namespace AgCam.Cli.Explaining;

/// <summary>An image on its way to the model: ready, done by an earlier run, or failed.</summary>
internal sealed record ReadImage(ImageSource Source)
{
    public Digest Sha256 { get; init; }

    public int Width { get; init; }

    public int Height { get; init; }

    public int? Label { get; init; }

    /// <summary>The model's input; null when there is nothing to compute.</summary>
    public PreparedImage? Prepared { get; init; }

    /// <summary>For pictures, at most <see cref="Heatmaps.PictureOptions.LongestSide"/> long; null when none are drawn.</summary>
    public RgbImage? Photo { get; init; }

    /// <summary>Where an earlier run's row stands in explanations.jsonl.</summary>
    public long? DoneAt { get; init; }

    /// <summary>The row was written before, only its picture is missing.</summary>
    public bool HasRow { get; init; }

    public ImageException? Failure { get; init; }

    public TimeSpan Took { get; init; }
}
