namespace AgCam.Preprocessing;

public enum Interpolation
{
    Nearest,
    Bilinear,
    Bicubic,
    Lanczos,
}

/// <summary>How an image of any shape becomes the model's input size.</summary>
public enum CropMode
{
    /// <summary>Both sides are resized to the input size, whatever the aspect ratio.</summary>
    Squash,

    /// <summary>The shorter side is resized to <see cref="PreprocessingOptions.ResizeTo"/>, then the centre is cropped.</summary>
    Center,

    /// <summary>The longer side is resized to <see cref="PreprocessingOptions.ResizeTo"/>, then the rest is filled with the mean colour.</summary>
    Border,
}

/// <summary>From a picture to the model's input: resize, crop, normalise. Always read from the checkpoint or given; there is no default.</summary>
public sealed record PreprocessingOptions
{
    /// <summary>Input size in pixels.</summary>
    public required int InputHeight { get; init; }

    public required int InputWidth { get; init; }

    public required CropMode CropMode { get; init; }

    /// <summary>Length in pixels that the shorter (Center) or longer (Border) side is resized to, e.g. floor(224 / 0.9) = 248; not used by Squash.</summary>
    public int ResizeTo { get; init; }

    public required Interpolation Interpolation { get; init; }

    /// <summary>Mean of each channel, of values in [0, 1].</summary>
    public required IReadOnlyList<float> Mean { get; init; }

    /// <summary>Standard deviation of each channel.</summary>
    public required IReadOnlyList<float> Std { get; init; }

    /// <summary>Part of every explanation's identity: raised when a change of this code changes pixels.</summary>
    public const int Version = 1;
}
