using System.Runtime.InteropServices;

namespace AgCam.Images;

/// <summary>Applies the EXIF orientation, 1 (upright) to 8.</summary>
internal static class Orientation
{
    /// <returns>The upright image; the same object when nothing changes. Values outside 1 to 8 are ignored.</returns>
    public static RgbImage Upright(RgbImage image, int orientation)
    {
        int w = image.Width,
            h = image.Height;
        // source of the first output pixel, and source steps per output pixel to the right and down
        (int start, int right, int down) = orientation switch
        {
            2 => (w - 1, -1, w), // mirrored left to right
            3 => ((h * w) - 1, -1, -w), // upside down
            4 => ((h - 1) * w, 1, -w), // mirrored top to bottom
            5 => (0, w, 1), // transposed
            6 => ((h - 1) * w, -w, 1), // rotated by a quarter turn: clockwise makes it upright
            7 => ((h * w) - 1, -w, -1), // transposed over the other diagonal
            8 => (w - 1, w, -1), // rotated by a quarter turn: counter-clockwise makes it upright
            _ => (0, 0, 0),
        };
        if (right == 0)
            return image;

        var (width, height) = orientation >= 5 ? (h, w) : (w, h);
        var source = MemoryMarshal.Cast<byte, Rgb>(image.Pixels.AsSpan());
        var pixels = GC.AllocateUninitializedArray<byte>(image.Pixels.Length);
        var target = MemoryMarshal.Cast<byte, Rgb>(pixels.AsSpan());
        for (int y = 0, at = 0; y < height; y++)
        for (int x = 0, from = start + (y * down); x < width; x++, from += right)
            target[at++] = source[from];
        return new RgbImage(width, height, pixels);
    }

    /// <summary>Reads the attribute or element tiff:Orientation of XMP, which counts where there is no EXIF orientation.</summary>
    public static int FromXmp(ReadOnlySpan<byte> xmp)
    {
        var name = "tiff:Orientation"u8;
        for (int at = xmp.IndexOf(name); at >= 0; at = xmp.IndexOf(name))
        {
            xmp = xmp[(at + name.Length)..];
            int value =
                xmp.StartsWith("=\""u8) ? 2
                : xmp.StartsWith(">"u8) ? 1
                : xmp.Length;
            if (value < xmp.Length && char.IsAsciiDigit((char)xmp[value]))
                return xmp[value] - '0';
        }
        return 1;
    }

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private readonly struct Rgb
    {
        public readonly byte R,
            G,
            B;
    }
}
