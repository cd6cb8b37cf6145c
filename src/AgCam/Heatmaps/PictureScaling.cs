using AgCam.Images;
using NetVips;

namespace AgCam.Heatmaps;

/// <summary>Scales pictures for display. The model's input uses another resampling, which must match the training.</summary>
internal static class PictureScaling
{
    /// <summary>Returns the size with the given longest side. The aspect ratio is kept, and each side has at least one pixel.</summary>
    public static (int Width, int Height) Fit(int width, int height, int longest)
    {
        var scale = (double)longest / Math.Max(width, height);
        return (Math.Max(1, (int)Math.Round(width * scale)), Math.Max(1, (int)Math.Round(height * scale)));
    }

    public static RgbImage Resize(RgbImage image, int width, int height)
    {
        if (image.Width == width && image.Height == height)
            return new RgbImage(width, height, [.. image.Pixels]);
        using var source = Image.NewFromMemory(image.Pixels, image.Width, image.Height, 3, Enums.BandFormat.Uchar);
        using var resized = source.ThumbnailImage(width, height, size: Enums.Size.Force, noRotate: true);
        return new RgbImage(width, height, resized.WriteToMemory<byte>());
    }
}
