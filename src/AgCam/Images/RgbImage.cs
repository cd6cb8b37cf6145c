namespace AgCam.Images;

/// <summary>A decoded image: 8-bit RGB, upright (EXIF orientation applied), row-major, three interleaved bytes per pixel.</summary>
public sealed class RgbImage
{
    /// <param name="width">Pixels per row, at least 1.</param>
    /// <param name="height">Number of rows, at least 1.</param>
    /// <param name="pixels">height x width x 3 bytes, used without a copy.</param>
    /// <exception cref="ArgumentException">The sizes do not match the number of bytes.</exception>
    public RgbImage(int width, int height, byte[] pixels)
    {
        if (width < 1 || height < 1 || pixels.LongLength != 3L * width * height)
            throw new ArgumentException(
                $"An RGB image of {width} x {height} needs {3L * width * height} bytes, not {pixels.LongLength}.",
                nameof(pixels)
            );
        Width = width;
        Height = height;
        Pixels = pixels;
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>[Height, Width, 3]</summary>
    public byte[] Pixels { get; }
}
