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

/// <summary>Modes of fitting an image of any shape to the model's input size.</summary>
public enum CropMode
{
    /// <summary>Resizes to the target exactly, whatever the aspect ratio, then crops the centre.</summary>
    Squash,

    /// <summary>
    /// Resizes until the image covers the target, then crops the centre. A square target follows torchvision: its side is the shorter side,
    /// and the longer one is truncated. An oblong target follows timm: both sides are rounded.
    /// </summary>
    Center,

    /// <summary>Resizes until the image fits into the target, then crops the centre. Padding has the mean colour.</summary>
    Border,
}

/// <summary>Rounding of the centre crop's start when an odd number of pixels is cropped.</summary>
public enum CropRounding
{
    /// <summary>Half a pixel rounds to the even number: torchvision and timm.</summary>
    HalfToEven,

    /// <summary>Half a pixel rounds down: Hugging Face image processors.</summary>
    Down,
}

/// <summary>
/// Options from an image to the model's input: resize, crop, normalise. They are read from the checkpoint or given; there is no default.
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
    /// Target height in pixels of the resize before the crop, e.g. floor(224 / 0.9) = 248, 0 to 16384. Default 0: the input's height.
    /// </summary>
    [Range(0, 16384)]
    public int ResizeHeight { get; init; }

    /// <summary>Target width in pixels of the resize before the crop, 0 to 16384. Default 0: the input's width.</summary>
    [Range(0, 16384)]
    public int ResizeWidth { get; init; }

    public required Interpolation Interpolation { get; init; }

    public CropRounding CropRounding { get; init; }

    /// <summary>Mean of each channel, for values in [0, 1].</summary>
    public required IReadOnlyList<float> Mean { get; init; }

    /// <summary>Standard deviation of each channel, above 0.</summary>
    public required IReadOnlyList<float> Std { get; init; }

    /// <summary>Version in every explanation's identity. Increases when a code change alters pixels.</summary>
    public const int Version = 2;

    /// <summary>Pillow version of these pixels, in every explanation's identity. Versions up to 12 differ for tall images.</summary>
    public const string PillowVersion = "13.0.0";

    /// <summary>Returns the canonical text with the versions, part of every explanation's identity. <see cref="Parse"/> reads it.</summary>
    public string Canonical() =>
        FormattableString.Invariant(
            $"preprocessing/{Version};pillow/{PillowVersion};{InputWidth}x{InputHeight};{CropMode};{ResizeWidth}x{ResizeHeight};"
        )
        + $"{CropRounding};{Interpolation};"
        + $"mean={string.Join(',', Mean.Select(Text))};std={string.Join(',', Std.Select(Text))}";

    /// <summary>Parses a canonical text, so a stored explanation suffices to repeat its preprocessing.</summary>
    /// <exception cref="FormatException">The text has another form or another version.</exception>
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
            throw new FormatException($"\"{canonical}\" is not preprocessing/{Version} with pillow/{PillowVersion}.");
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
