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
    /// <summary>Both sides are resized to <see cref="PreprocessingOptions.ResizeTo"/>, whatever the aspect ratio, then the centre is cropped.</summary>
    Squash,

    /// <summary>The shorter side is resized to <see cref="PreprocessingOptions.ResizeTo"/>, then the centre is cropped.</summary>
    Center,

    /// <summary>
    /// The longer side is resized to <see cref="PreprocessingOptions.ResizeTo"/>, then the centre is cropped and what is missing is filled with
    /// the mean colour.
    /// </summary>
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

/// <summary>From a picture to the model's input: resize, crop, normalise. Always read from the checkpoint or given; there is no default.</summary>
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
    /// Length in pixels that the shorter (Center), longer (Border) or both (Squash) sides are resized to before the crop, e.g.
    /// floor(224 / 0.9) = 248. Zero, the default, stands for the input size itself.
    /// </summary>
    [Range(0, 16384)]
    public int ResizeTo { get; init; }

    public required Interpolation Interpolation { get; init; }

    public CropRounding CropRounding { get; init; }

    /// <summary>Mean of each channel, of values in [0, 1].</summary>
    public required IReadOnlyList<float> Mean { get; init; }

    /// <summary>Standard deviation of each channel, above 0.</summary>
    public required IReadOnlyList<float> Std { get; init; }

    /// <summary>Part of every explanation's identity: raised when a change of this code changes pixels.</summary>
    public const int Version = 1;

    /// <summary>Canonical text with the version: part of every explanation's identity. <see cref="Parse"/> reads it.</summary>
    public string Canonical() => FormattableString.Invariant(
        $"preprocessing/{Version};{InputWidth}x{InputHeight};{CropMode};{ResizeTo};{CropRounding};{Interpolation};mean={string.Join(',', Mean.Select(Text))};std={string.Join(',', Std.Select(Text))}");

    /// <summary>The options behind a canonical text, so that a stored explanation alone tells how its picture was cut.</summary>
    /// <exception cref="FormatException">Not such a text, or one of another version.</exception>
    public static PreprocessingOptions Parse(string canonical)
    {
        if (canonical.Split(';') is not [var version, var size, var crop, var resize, var rounding, var interpolation, var mean, var std]
            || version != $"preprocessing/{Version}" || size.Split('x') is not [var width, var height]
            || !mean.StartsWith("mean=", StringComparison.Ordinal) || !std.StartsWith("std=", StringComparison.Ordinal))
            throw new FormatException($"\"{canonical}\" is not how preprocessing/{Version} is written.");
        return new PreprocessingOptions
        {
            InputWidth = int.Parse(width, CultureInfo.InvariantCulture),
            InputHeight = int.Parse(height, CultureInfo.InvariantCulture),
            CropMode = Enum.Parse<CropMode>(crop),
            ResizeTo = int.Parse(resize, CultureInfo.InvariantCulture),
            Interpolation = Enum.Parse<Interpolation>(interpolation),
            CropRounding = Enum.Parse<CropRounding>(rounding),
            Mean = Values(mean["mean=".Length..]),
            Std = Values(std["std=".Length..]),
        };
    }

    private static string Text(float value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static float[] Values(string text) => [.. text.Split(',').Select(value => float.Parse(value, CultureInfo.InvariantCulture))];
}
