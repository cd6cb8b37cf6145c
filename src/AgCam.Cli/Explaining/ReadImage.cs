using AgCam.Images;
using AgCam.Labels;
using AgCam.Preprocessing;

namespace AgCam.Cli.Explaining;

/// <summary>Image in the pipeline: ready, finished by an earlier run, or failed.</summary>
internal sealed record ReadImage(ImageSource Source)
{
    public Digest Sha256 { get; init; }

    public int Width { get; init; }

    public int Height { get; init; }

    public ImageLabel? Label { get; init; }

    /// <summary>Model input; null when there is nothing to compute.</summary>
    public PreparedImage? Prepared { get; init; }

    /// <summary>Photo for pictures, at most <see cref="Heatmaps.PictureOptions.LongestSide"/> long; null when none are drawn.</summary>
    public RgbImage? Photo { get; init; }

    /// <summary>Row of an earlier run, when nothing is left to do.</summary>
    public DoneRow? Done { get; init; }

    /// <summary>Whether the row exists and only a picture is missing.</summary>
    public bool HasRow { get; init; }

    public ImageException? Failure { get; init; }

    public TimeSpan Took { get; init; }
}
