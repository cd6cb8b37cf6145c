using System.ComponentModel.DataAnnotations;

namespace AgCam.Images;

/// <summary>
/// Limits of an image, checked before decoding: bytes by the file's size, pixels by the header. With the defaults, decoding the largest
/// image takes less than 1 GB.
/// </summary>
public sealed record ImageLimits
{
    public static ImageLimits Default { get; } = new();

    /// <summary>Maximum number of bytes of the encoded image. Default 64 MiB.</summary>
    [Range(1.0, int.MaxValue)]
    public long MaxBytes { get; init; } = 64L << 20;

    /// <summary>Maximum of width x height. Default 2^26, i.e. 8192 x 8192.</summary>
    [Range(1, 1L << 29)]
    public long MaxPixels { get; init; } = 1L << 26;

    /// <summary>Maximum number of pixels per side. Default 65,535, the limit of JPEG. Longer sides are slow to resample.</summary>
    [Range(1, 1 << 20)]
    public int MaxSide { get; init; } = 65_535;

    /// <exception cref="ImageException">A size is over a limit, or zero.</exception>
    internal void CheckSize(long width, long height)
    {
        if (width < 1 || height < 1)
            throw new ImageException(ImageFailure.Corrupt, $"The header says {width} x {height} pixels, which is not an image.");
        if (width > MaxSide || height > MaxSide)
            throw new ImageException(
                ImageFailure.TooManyPixels,
                $"The header says {width} x {height} pixels; the limit per side is {MaxSide}. Scale the image down."
            );
        if (width * height > MaxPixels)
            throw new ImageException(
                ImageFailure.TooManyPixels,
                $"The header says {width} x {height} = {width * height} pixels; the limit is {MaxPixels}. Raise it with "
                    + $"ImageLimits.MaxPixels if it is intended."
            );
    }
}
