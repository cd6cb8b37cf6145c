using AgCam.Images;
using AgCam.Preprocessing;

namespace AgCam.Tests.Preprocessing;

internal static class Some
{
    public static PreprocessingOptions Options(CropMode mode, int size, int resizeTo, Interpolation interpolation) => new()
    {
        InputHeight = size,
        InputWidth = size,
        CropMode = mode,
        ResizeTo = resizeTo,
        Interpolation = interpolation,
        Mean = [0.485f, 0.456f, 0.406f],
        Std = [0.229f, 0.224f, 0.225f],
    };

    /// <summary>Noise: nothing survives a wrong index or weight.</summary>
    public static RgbImage Noise(int width, int height, int seed = 1)
    {
        var pixels = new byte[width * height * 3];
        new Random(seed).NextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }
}
