namespace AgCam.Cli.Options;

/// <summary>
/// Errors of the libraries name fields and parameters. The command line shows the options that set them instead.
/// </summary>
internal static class FieldFlags
{
    internal static readonly IReadOnlyList<(string Field, string Flag)> All =
    [
        ("CheckpointOptions.Architecture", "--arch"),
        ("CheckpointOptions.ClassNames", "--classes"),
        ("CheckpointOptions.CropMode", "--crop-mode"),
        ("CheckpointOptions.CropPct", "--crop-pct"),
        ("CheckpointOptions.Heads", "--heads"),
        ("CheckpointOptions.ImageSize", "--image-size"),
        ("CheckpointOptions.Interpolation", "--interpolation"),
        ("CheckpointOptions.Mean", "--mean"),
        ("CheckpointOptions.Std", "--std"),
        ("ImageLimits.MaxBytes", "--max-bytes"),
        ("ImageLimits.MaxPixels", "--max-pixels"),
        ("Dataset.Read(images)", "--images"),
        ("PaperPreset.Of(partial)", "--partial"),
        ("Pipeline:References:Roots", "--root"),
        ("Pipeline:References:S3:Buckets", "--bucket"),
    ];

    public static string In(string message) =>
        All.Aggregate(message, (text, name) => text.Replace(name.Field, name.Flag, StringComparison.Ordinal));
}
