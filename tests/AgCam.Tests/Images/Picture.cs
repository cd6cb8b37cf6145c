using System.Buffers.Binary;
using AgCam.Images;
using Xunit;

namespace AgCam.Tests.Images;

/// <summary>Reads the small pictures in Pictures/, each with Pillow's pixels.</summary>
internal static class Picture
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "AgCam.Tests", "Images", "Pictures");

    public static string[] Names { get; } =
    [.. Directory.GetFiles(Folder, "*.rgb").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Data => [.. Names];

    public static byte[] Bytes(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    public static RgbImage Decode(string name) => ImageDecoder.Decode(Bytes(name), ImageLimits.Default);

    public static RgbImage Expected(string name)
    {
        byte[] file = Bytes(name + ".rgb");
        return new RgbImage(
            BinaryPrimitives.ReadInt32LittleEndian(file),
            BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(4)),
            file[8..]
        );
    }
}
