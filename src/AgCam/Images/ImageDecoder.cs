namespace AgCam.Images;

/// <summary>
/// Encoded images to 8-bit RGB, upright, with the pixels that Pillow's <c>exif_transpose(image).convert("RGB")</c> gives: grey and
/// palette expand, alpha is dropped, CMYK is converted without a profile, colour profiles are ignored, animations give their first
/// frame. Whatever the bytes are, the outcome is a picture or an <see cref="ImageException"/>. Safe for use from several threads.
/// </summary>
public static class ImageDecoder
{
    /// <summary>JPEG, PNG, WebP, GIF, BMP or TIFF, told apart by their first bytes.</summary>
    /// <exception cref="ImageException">The image is empty, over a limit, of another format, or broken. A truncated image is broken:
    /// half a picture is never passed off as one.</exception>
    public static RgbImage Decode(ReadOnlyMemory<byte> bytes, ImageLimits limits)
    {
        var format = Sniff(bytes, limits);
        return format switch
        {
            ImageFormat.Gif => GifDecoder.Decode(bytes.Span, limits),
            ImageFormat.Bmp => BmpDecoder.Decode(bytes.Span, limits),
            _ => VipsDecoder.Decode(bytes, format, limits),
        };
    }

    /// <summary>
    /// What can be told without decoding: for a door that takes images in. The small formats, GIF and BMP, are checked by decoding them
    /// whole.
    /// </summary>
    /// <exception cref="ImageException">The image is empty, over a limit, of another format, or its header is broken.</exception>
    public static void CheckHeader(ReadOnlyMemory<byte> bytes, ImageLimits limits)
    {
        var format = Sniff(bytes, limits);
        if (format is ImageFormat.Gif or ImageFormat.Bmp)
            Decode(bytes, limits);
        else
            VipsDecoder.CheckHeader(bytes, format, limits);
    }

    /// <summary>As <see cref="CheckHeader"/>, from the first bytes of an image that goes on.</summary>
    /// <returns>False when they do not tell, and the whole image must be checked.</returns>
    /// <exception cref="ImageException">The image is of another format, or has too many pixels.</exception>
    public static bool CheckBeginning(ReadOnlyMemory<byte> bytes, ImageLimits limits)
    {
        var format = Sniff(bytes, limits);
        if (format is ImageFormat.Gif or ImageFormat.Bmp)
            return false;
        try
        {
            VipsDecoder.CheckHeader(bytes, format, limits);
            return true;
        }
        catch (ImageException cut) when (cut.Reason == ImageFailure.Corrupt)
        {
            return false; // of a whole image it may be no more than that
        }
    }

    /// <summary>
    /// Reads an image file; links are followed. A folder, pipe, socket or device named like an image is refused without opening it.
    /// </summary>
    /// <exception cref="ImageException">The file is missing, no file, unreadable, empty or has more bytes than allowed.</exception>
    public static byte[] ReadFile(string path, ImageLimits limits)
    {
        using var file = RegularFile.Open(path);
        return file.Read(limits);
    }

    private static ImageFormat Sniff(ReadOnlyMemory<byte> bytes, ImageLimits limits)
    {
        if (bytes.Length == 0)
            throw new ImageException(ImageFailure.Empty, "The image has no bytes.");
        if (bytes.Length > limits.MaxBytes)
            throw TooManyBytes(bytes.Length, limits);
        return ImageFormats.Sniff(bytes.Span);
    }

    internal static ImageException TooManyBytes(long length, ImageLimits limits) =>
        new(
            ImageFailure.TooManyBytes,
            $"The image has {length} bytes; the limit is {limits.MaxBytes}. Raise it with --max-bytes if that is meant."
        );
}
