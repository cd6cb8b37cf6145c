using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Audit.Comparison;

/// <summary>Mirrors left and right.</summary>
public static class Mirrored
{
    public static Heatmap Of(Heatmap map)
    {
        var values = (float[])map.Values.Clone();
        for (var row = 0; row < map.Rows; row++)
            values.AsSpan(row * map.Columns, map.Columns).Reverse();
        return new Heatmap(map.Rows, map.Columns, values);
    }

    public static RgbImage Of(RgbImage image)
    {
        var pixels = new byte[image.Pixels.Length];
        for (var row = 0; row < image.Height; row++)
        for (var column = 0; column < image.Width; column++)
            image.Pixels.AsSpan(3 * (row * image.Width + column), 3).CopyTo(pixels.AsSpan(3 * ((row + 1) * image.Width - column - 1), 3));
        return new RgbImage(image.Width, image.Height, pixels);
    }
}
