namespace AgCam.Images;

internal enum ImageFormat
{
    Jpeg,
    Png,
    Webp,
    Gif,
    Bmp,
    Tiff,
}

internal static class ImageFormats
{
    /// <summary>Known by the first bytes alone: a file's name says nothing, and only these decoders are ever reached.</summary>
    /// <exception cref="ImageException">unsupported-format</exception>
    public static ImageFormat Sniff(ReadOnlySpan<byte> bytes) =>
        bytes switch
        {
            [0xFF, 0xD8, 0xFF, ..] => ImageFormat.Jpeg,
            [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => ImageFormat.Png,
            [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => ImageFormat.Webp,
            [(byte)'G', (byte)'I', (byte)'F', (byte)'8', (byte)'7' or (byte)'9', (byte)'a', ..] => ImageFormat.Gif,
            [(byte)'B', (byte)'M', ..] => ImageFormat.Bmp,
            [(byte)'I', (byte)'I', 42 or 43, 0, ..] or [(byte)'M', (byte)'M', 0, 42 or 43, ..] => ImageFormat.Tiff,
            _ => throw new ImageException(
                ImageFailure.UnsupportedFormat,
                "The bytes do not begin as those of a JPEG, PNG, WebP, GIF, BMP or TIFF do."
            ), // and are not quoted: it may be any file
        };
}
