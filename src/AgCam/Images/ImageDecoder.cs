namespace AgCam.Images;

/// <summary>
/// Decodes images to upright 8-bit RGB with the pixels of Pillow's <c>exif_transpose(image).convert("RGB")</c>. Grey and palette expand,
/// alpha is dropped, CMYK is converted without a profile, colour profiles are ignored, animations give their first frame. Any bytes give an
/// image or an <see cref="ImageException"/>. Thread-safe.
/// </summary>
public static class ImageDecoder
{
    /// <summary>Decodes JPEG, PNG, WebP, GIF, BMP or TIFF, recognised by the first bytes.</summary>
    /// <exception cref="ImageException">The image is empty, over a limit, of another format, or broken. A truncated image is broken and
    /// never returned in part.</exception>
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

    /// <summary>Checks an image's header without decoding it, for uploads. GIF and BMP are checked by decoding them whole.</summary>
    /// <exception cref="ImageException">The image is empty, over a limit, of another format, or its header is broken.</exception>
    public static void CheckHeader(ReadOnlyMemory<byte> bytes, ImageLimits limits)
    {
        var format = Sniff(bytes, limits);
        if (format is ImageFormat.Gif or ImageFormat.Bmp)
            Decode(bytes, limits);
        else
            VipsDecoder.CheckHeader(bytes, format, limits);
    }

    /// <summary>Checks the first bytes of an image as <see cref="CheckHeader"/> does.</summary>
    /// <returns>False when they do not suffice and the whole image must be checked.</returns>
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
            return false; // may be an error of the missing rest
        }
    }

    /// <summary>Reads an image file. Links are followed. A folder, pipe, socket or device is refused without opening it.</summary>
    /// <exception cref="ImageException">The file is missing, not a file, unreadable, empty or exceeds the byte limit.</exception>
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
            $"The image has {length} bytes; the limit is {limits.MaxBytes}. Raise it with ImageLimits.MaxBytes if it is intended."
        );
}
