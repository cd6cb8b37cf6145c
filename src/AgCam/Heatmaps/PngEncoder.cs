using AgCam.Images;
using NetVips;

namespace AgCam.Heatmaps;

/// <summary>Pictures as PNG.</summary>
public static class PngEncoder
{
    public static byte[] Encode(RgbImage image)
    {
        using var raw = Image.NewFromMemory(image.Pixels, image.Width, image.Height, 3, Enums.BandFormat.Uchar);
        using var picture = raw.Copy(interpretation: Enums.Interpretation.Srgb);
        return picture.PngsaveBuffer(compression: 6, keep: Enums.ForeignKeep.None);
    }

    /// <summary>Writes the file under a temporary name beside it and renames it, so that nobody ever sees half a picture.</summary>
    public static void Save(RgbImage image, string path)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllBytes(temporary, Encode(image));
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
