using AgCam.Images;

namespace AgCam.Tests.Heatmaps;

/// <summary>Makes photos for tests.</summary>
internal static class SomePhoto
{
    public static RgbImage Noise(int seed, int width, int height)
    {
        var pixels = new byte[3 * width * height];
        new Random(seed).NextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }

    public static RgbImage Grey(int width, int height, byte level = 128)
    {
        var pixels = new byte[3 * width * height];
        Array.Fill(pixels, level);
        return new RgbImage(width, height, pixels);
    }

    public static (byte R, byte G, byte B) At(this RgbImage image, int x, int y)
    {
        var at = 3 * (y * image.Width + x);
        return (image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]);
    }
}
