using AgCam.Images;
using AgCam.Preprocessing;

namespace AgCam.Testing;

internal static class Some
{
    public static PreprocessingOptions Options(CropMode mode, int size, int resizeTo, Interpolation interpolation) =>
        new()
        {
            InputHeight = size,
            InputWidth = size,
            CropMode = mode,
            ResizeHeight = resizeTo,
            ResizeWidth = resizeTo,
            Interpolation = interpolation,
            Mean = [0.485f, 0.456f, 0.406f],
            Std = [0.229f, 0.224f, 0.225f],
        };

    /// <summary>Returns noise, which reveals every wrong index or weight.</summary>
    public static RgbImage Noise(int width, int height, int seed = 1)
    {
        var pixels = new byte[width * height * 3];
        new Random(seed).NextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }

    /// <summary>Returns the noise of pillow_golden.py.</summary>
    public static RgbImage RepeatableNoise(int width, int height)
    {
        var pixels = new byte[width * height * 3];
        uint state = (uint)((width * 65536) + height);
        for (int i = 0; i < pixels.Length; i++)
        {
            state = unchecked((state * 1664525) + 1013904223);
            pixels[i] = (byte)(state >> 24);
        }
        return new RgbImage(width, height, pixels);
    }

    public static RgbImage Colour(int width, int height, byte r, byte g, byte b)
    {
        var pixels = new byte[width * height * 3];
        for (int i = 0; i < pixels.Length; i += 3)
            (pixels[i], pixels[i + 1], pixels[i + 2]) = (r, g, b);
        return new RgbImage(width, height, pixels);
    }
}
