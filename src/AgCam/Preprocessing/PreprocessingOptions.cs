using System.ComponentModel.DataAnnotations;
using System.Globalization;

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
    /// <summary>Resizes to the target exactly, whatever the aspect ratio, then crops the centre.</summary>
    Squash,

    /// <summary>
    /// Resizes until the picture covers the target, then crops the centre. A square target follows torchvision: its side is the shorter
    /// side, and the longer one is truncated. An oblong target follows timm: both sides are rounded.
    /// </summary>
    Center,

    /// <summary>Resizes until the picture fits into the target, then crops the centre; what is missing gets the mean colour.</summary>
    Border,
}

/// <summary>Where the centre crop starts when an odd number of pixels is to be cut off.</summary>
public enum CropRounding
{
    /// <summary>Half a pixel rounds to the even number: torchvision and timm.</summary>
    HalfToEven,

    /// <summary>Half a pixel rounds down: Hugging Face image processors.</summary>
    Down,
}

/// <summary>
/// From a picture to the model's input: resize, crop, normalise. Always read from the checkpoint or given; there is no default.
/// </summary>
public sealed record PreprocessingOptions
{
    /// <summary>Input size in pixels, 1 to 8192.</summary>
    [Range(1, 8192)]
    public required int InputHeight { get; init; }

    /// <inheritdoc cref="InputHeight"/>
    [Range(1, 8192)]
    public required int InputWidth { get; init; }

    public required CropMode CropMode { get; init; }

    /// <summary>
    /// Height in pixels of the target that the picture is resized to before the crop, e.g. floor(224 / 0.9) = 248, 0 to 16384. Zero, the
    /// default, stands for the input's height.
    /// </summary>
    [Range(0, 16384)]
    public int ResizeHeight { get; init; }

    /// <summary>
    /// Width in pixels of the target that the picture is resized to before the crop, 0 to 16384. Zero, the default, stands for the input's
    /// width.
    /// </summary>
    [Range(0, 16384)]
    public int ResizeWidth { get; init; }

    public required Interpolation Interpolation { get; init; }

    public CropRounding CropRounding { get; init; }

    /// <summary>Mean of each channel, of values in [0, 1].</summary>
    public required IReadOnlyList<float> Mean { get; init; }

    /// <summary>Standard deviation of each channel, above 0.</summary>
    public required IReadOnlyList<float> Std { get; init; }

    /// <summary>Part of every explanation's identity: raised when a change of this code changes pixels.</summary>
    public const int Version = 2;

    /// <summary>Version of Pillow whose pixels these are: part of every explanation's identity. Up to 12, tall pictures differ.</summary>
    public const string PillowVersion = "13.0.0";

    /// <summary>Canonical text with the versions: part of every explanation's identity. <see cref="Parse"/> reads it.</summary>
    public string Canonical() =>
        FormattableString.Invariant(
            $"preprocessing/{Version};pillow/{PillowVersion};{InputWidth}x{InputHeight};{CropMode};{ResizeWidth}x{ResizeHeight};"
        )
        + $"{CropRounding};{Interpolation};"
        + $"mean={string.Join(',', Mean.Select(Text))};std={string.Join(',', Std.Select(Text))}";

    /// <summary>The options behind a canonical text, so that a stored explanation alone tells how its picture was cut.</summary>
    /// <exception cref="FormatException">Not such a text, or one of another version.</exception>
    public static PreprocessingOptions Parse(string canonical)
    {
        if (
            canonical.Split(';')
                is not [var version, var pillow, var size, var crop, var resize, var rounding, var interpolation, var mean, var std]
            || version != $"preprocessing/{Version}"
            || pillow != $"pillow/{PillowVersion}"
            || size.Split('x') is not [var width, var height]
            || resize.Split('x') is not [var resizeWidth, var resizeHeight]
            || !mean.StartsWith("mean=", StringComparison.Ordinal)
            || !std.StartsWith("std=", StringComparison.Ordinal)
        )
            throw new FormatException($"\"{canonical}\" is not how preprocessing/{Version} with pillow/{PillowVersion} is written.");
        return new PreprocessingOptions
        {
            InputWidth = int.Parse(width, CultureInfo.InvariantCulture),
            InputHeight = int.Parse(height, CultureInfo.InvariantCulture),
            CropMode = Enum.Parse<CropMode>(crop),
            ResizeWidth = int.Parse(resizeWidth, CultureInfo.InvariantCulture),
            ResizeHeight = int.Parse(resizeHeight, CultureInfo.InvariantCulture),
            Interpolation = Enum.Parse<Interpolation>(interpolation),
            CropRounding = Enum.Parse<CropRounding>(rounding),
            Mean = Values(mean["mean=".Length..]),
            Std = Values(std["std=".Length..]),
        };
    }

    private static string Text(float value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static float[] Values(string text) => [.. text.Split(',').Select(value => float.Parse(value, CultureInfo.InvariantCulture))];
}
