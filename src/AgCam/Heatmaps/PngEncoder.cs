using AgCam.Images;
using NetVips;

namespace AgCam.Heatmaps;

/// <summary>Encodes pictures as PNG.</summary>
public static class PngEncoder
{
    /// <param name="compression">0 to 9: smaller files for more time. 1 takes about half the time of 6.</param>
    public static byte[] Encode(RgbImage image, int compression = 6)
    {
        using var raw = Image.NewFromMemory(image.Pixels, image.Width, image.Height, 3, Enums.BandFormat.Uchar);
        using var picture = raw.Copy(interpretation: Enums.Interpretation.Srgb);
        return picture.PngsaveBuffer(compression: compression, filter: Enums.ForeignPngFilter.Sub, keep: Enums.ForeignKeep.None);
    }

    /// <summary>Encodes a picture of 8-bit grey values.</summary>
    /// <param name="values">[height, width]</param>
    internal static byte[] EncodeGrey(int width, int height, byte[] values)
    {
        using var raw = Image.NewFromMemory(values, width, height, 1, Enums.BandFormat.Uchar);
        using var picture = raw.Copy(interpretation: Enums.Interpretation.Bw);
        return picture.PngsaveBuffer(keep: Enums.ForeignKeep.None);
    }

    /// <summary>Writes the file atomically.</summary>
    public static void Save(RgbImage image, string path, int compression = 6) => AtomicFile.Write(path, Encode(image, compression));
}
