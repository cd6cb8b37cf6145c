using System.Runtime.InteropServices;
using NetVips;

namespace AgCam.Images;

/// <summary>Decodes JPEG, PNG, WebP and TIFF by libvips. The loader is chosen here, not by libvips.</summary>
internal static class VipsDecoder
{
    /// <summary>
    /// Maximum size of a block. An image is decoded and converted block by block, so no second copy of it is held. Blocks stay below the
    /// size of a large object, which the garbage collector keeps longer.
    /// </summary>
    private const int BlockBytes = 80_000;

    private const int BlockRows = 16;

    private static readonly Log.LogDelegate Silence = (_, _, _) => { };

    static VipsDecoder()
    {
        NetVips.NetVips.BlockUntrusted = true;
        NetVips.NetVips.Concurrency = 1; // images run in parallel, not parts of one
        Cache.Max = 0; // no image is decoded twice
        Log.SetLogHandler("VIPS", Enums.LogLevelFlags.Warning, Silence); // an image's problem is in its exception, not on stderr
    }

    /// <exception cref="ImageException">The image is over a limit, broken, or of a kind that has no RGB.</exception>
    public static RgbImage Decode(ReadOnlyMemory<byte> bytes, ImageFormat format, ImageLimits limits)
    {
        var buffer = AsArray(bytes);
        if (format == ImageFormat.Jpeg)
            buffer = WithKnownVersion(buffer);
        try
        {
            using var image = Open(buffer, format);
            limits.CheckSize(image.Width, image.Height);
            using var share = DecodingBudget.Take((long)image.Width * image.Height); // the upright copy takes as much again
            int orientation =
                image.Contains("orientation") && image.Get("orientation") is int value ? value
                : image.Contains("xmp-data") && image.Get("xmp-data") is byte[] xmp ? Orientation.FromXmp(xmp)
                : 1;
            var picture = Read(image, format, buffer);
            image.Dispose();
            return Orientation.Upright(picture, orientation); // now the decoder's memory is free
        }
        catch (VipsException broken)
        {
            throw new ImageException(ImageFailure.Corrupt, $"The {format} data is broken: {Reason(broken)}", broken);
        }
    }

    /// <summary>Reads only the header.</summary>
    /// <exception cref="ImageException">The image is over a limit, or its header is broken.</exception>
    public static void CheckHeader(ReadOnlyMemory<byte> bytes, ImageFormat format, ImageLimits limits)
    {
        try
        {
            var buffer = AsArray(bytes);
            using var image = Open(format == ImageFormat.Jpeg ? WithKnownVersion(buffer) : buffer, format);
            limits.CheckSize(image.Width, image.Height);
        }
        catch (VipsException broken)
        {
            throw new ImageException(ImageFailure.Corrupt, $"The {format} header is broken: {Reason(broken)}", broken);
        }
    }

    /// <summary>Returns the array itself where the memory is all of it. libvips takes only arrays, and a copy doubles the memory.</summary>
    private static byte[] AsArray(ReadOnlyMemory<byte> bytes) =>
        MemoryMarshal.TryGetArray(bytes, out var segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length
            ? segment.Array
            : bytes.ToArray();

    /// <summary>Replaces an unknown JFIF version by 1. The decoder only warns about it, and here warnings fail.</summary>
    private static byte[] WithKnownVersion(byte[] jpeg)
    {
        if (jpeg is not [0xFF, 0xD8, 0xFF, 0xE0, _, _, (byte)'J', (byte)'F', (byte)'I', (byte)'F', 0, not 1, ..])
            return jpeg;
        byte[] known = [.. jpeg];
        known[11] = 1;
        return known;
    }

    /// <summary>
    /// Reads only the header; pixels are decoded on demand from top to bottom. Warnings fail for JPEG, whose decoder fills missing data
    /// with grey. The others warn of harmless tags and profiles.
    /// </summary>
    private static Image Open(byte[] buffer, ImageFormat format) =>
        format switch
        {
            ImageFormat.Jpeg => Image.JpegloadBuffer(buffer, access: Enums.Access.Sequential, failOn: Enums.FailOn.Warning),
            ImageFormat.Png => Image.PngloadBuffer(buffer, access: Enums.Access.Sequential, failOn: Enums.FailOn.Error),
            ImageFormat.Webp => Image.WebploadBuffer(buffer, page: 0, n: 1, access: Enums.Access.Sequential, failOn: Enums.FailOn.Error),
            ImageFormat.Tiff => Image.TiffloadBuffer(buffer, page: 0, n: 1, access: Enums.Access.Sequential, failOn: Enums.FailOn.Error),
            _ => throw new ImageException(ImageFailure.UnsupportedFormat, $"{format} images are not supported. Save the image as PNG."),
        };

    private static RgbImage Read(Image image, ImageFormat format, ReadOnlySpan<byte> file)
    {
        bool cmyk = image.Interpretation == Enums.Interpretation.Cmyk;
        int channels = image.Bands;
        if (channels > 4 || (cmyk && channels != 4) || image.Interpretation is Enums.Interpretation.Lab or Enums.Interpretation.Labs)
            throw new ImageException(
                ImageFailure.UnsupportedFormat,
                $"{channels} channels of {image.Interpretation} are not RGB. Convert the image to RGB."
            );

        int width = image.Width,
            height = image.Height;
        var pixels = GC.AllocateUninitializedArray<byte>(checked(width * height * 3));
        using var eightBit = ToEightBit(image, format, file);
        using var region = Region.New(eightBit);
        int blockWidth = Math.Min(width, BlockBytes / channels);
        int blockRows = Math.Clamp(BlockBytes / (blockWidth * channels), 1, BlockRows);
        for (int y = 0; y < height; y += blockRows)
        {
            for (int x = 0; x < width; x += blockWidth)
            {
                int columns = Math.Min(blockWidth, width - x),
                    rows = Math.Min(blockRows, height - y);
                byte[] samples = region.Fetch(x, y, columns, rows);
                if (samples.Length != rows * columns * channels)
                    throw new ImageException(
                        ImageFailure.Corrupt,
                        $"{columns} x {rows} pixels of {channels} channels came as {samples.Length} bytes."
                    );
                // a block of several rows has the image's width, so its pixels are contiguous
                var rgb = pixels.AsSpan(((y * width) + x) * 3, rows * columns * 3);
                if (cmyk)
                    Channels.CmykToRgb(samples, rgb);
                else
                    Channels.ToRgb(samples, channels, rgb);
            }
        }
        return new RgbImage(width, height, pixels);
    }

    /// <summary>
    /// Follows Pillow. It keeps the high byte of 16-bit colour, but clips 16-bit grey and floats to 0..255, so most 16-bit grey turns
    /// white. Models are evaluated with these pixels.
    /// </summary>
    private static Image ToEightBit(Image image, ImageFormat format, ReadOnlySpan<byte> file)
    {
        if (image.Format == Enums.BandFormat.Uchar)
            return image.Copy();
        bool greyPng = format == ImageFormat.Png && file.Length > 25 && file[25] == 0; // two channels with a transparent level
        bool highByte = image.Format == Enums.BandFormat.Ushort && image.Bands > 1 && !greyPng;
        return image.Cast(Enums.BandFormat.Uchar, shift: highByte);
    }

    /// <summary>Returns the decoder's message on one line.</summary>
    private static string Reason(VipsException broken)
    {
        var lines = broken.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string reason = string.Join("; ", lines.Skip(lines.Length > 1 ? 1 : 0).Distinct());
        return reason.Length <= 300 ? reason : string.Concat(reason.AsSpan(0, 300), "...");
    }
}
