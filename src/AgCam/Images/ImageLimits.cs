using System.ComponentModel.DataAnnotations;

namespace AgCam.Images;

/// <summary>
/// What an image may cost. All are checked before anything is decoded: the bytes from the file's size, the pixels from the image's
/// header. With the defaults the largest image takes below 1 GB while it is decoded; larger values may take more.
/// </summary>
public sealed record ImageLimits
{
    public static ImageLimits Default { get; } = new();

    /// <summary>Bytes of the encoded image.</summary>
    [Range(1.0, int.MaxValue)]
    public long MaxBytes { get; init; } = 64L << 20;

    /// <summary>Width x height. 2^26 is 8192 x 8192.</summary>
    [Range(1, 1L << 29)]
    public long MaxPixels { get; init; } = 1L << 26;

    /// <summary>Pixels on either side. JPEG's own limit; a longer strip takes no time to decode, but a lot to resample.</summary>
    [Range(1, 1 << 20)]
    public int MaxSide { get; init; } = 65_535;

    /// <exception cref="ImageException">The sizes are over a limit, or none at all.</exception>
    internal void CheckSize(long width, long height)
    {
        if (width < 1 || height < 1)
            throw new ImageException(ImageFailure.Corrupt, $"The header says {width} x {height} pixels, which is no picture.");
        if (width > MaxSide || height > MaxSide)
            throw new ImageException(
                ImageFailure.TooManyPixels,
                $"The header says {width} x {height} pixels; a side may have {MaxSide}. Scale the image down."
            );
        if (width * height > MaxPixels)
            throw new ImageException(
                ImageFailure.TooManyPixels,
                $"The header says {width} x {height} = {width * height} pixels; the limit is {MaxPixels}. Raise it with "
                    + $"--max-pixels if that is meant."
            );
    }
}
