using AgCam.Images;
using NetVips;

namespace AgCam.Heatmaps;

/// <summary>Encodes pictures as WebP, for pages: a tenth of the bytes of PNG.</summary>
public static class WebpEncoder
{
    /// <param name="quality">1 to 100.</param>
    public static byte[] Encode(RgbImage image, int quality = 80)
    {
        using var raw = Image.NewFromMemory(image.Pixels, image.Width, image.Height, 3, Enums.BandFormat.Uchar);
        using var picture = raw.Copy(interpretation: Enums.Interpretation.Srgb);
        return picture.WebpsaveBuffer(q: quality, keep: Enums.ForeignKeep.None);
    }
}
