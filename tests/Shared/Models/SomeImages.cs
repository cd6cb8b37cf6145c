using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Testing;

/// <summary>Writes small pictures and names a model for them.</summary>
internal static class SomeImages
{
    public static string Model => Fixture.Path("models", "timm_vit");

    /// <summary>Names of the model's ten classes.</summary>
    public const int Classes = 10;

    /// <summary>Writes a gradient whose colours depend on the seed.</summary>
    public static string Write(TemporaryFolder folder, string name, int seed = 0, int width = 50, int height = 40)
    {
        var pixels = new byte[width * height * 3];
        var random = new Random(seed);
        var (red, green, blue) = (random.Next(1, 9), random.Next(1, 9), random.Next(1, 9));
        for (var i = 0; i < width * height; i++)
            (pixels[3 * i], pixels[(3 * i) + 1], pixels[(3 * i) + 2]) = (
                (byte)(i % width * red),
                (byte)(i / width * green),
                (byte)(i * blue)
            );
        var path = folder[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        PngEncoder.Save(new RgbImage(width, height, pixels), path);
        return path;
    }

    public static TemporaryFolder Folder(int count)
    {
        var folder = new TemporaryFolder();
        for (var i = 0; i < count; i++)
            Write(folder, $"{i:000}.png", i);
        return folder;
    }
}
