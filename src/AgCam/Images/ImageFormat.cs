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
    /// <summary>Recognises the format by the first bytes. File names are ignored, and only these decoders run.</summary>
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
                "The first bytes are not those of a JPEG, PNG, WebP, GIF, BMP or TIFF."
            ), // not quoted: they may be of any file
        };
}
