using System.Runtime.InteropServices;
using NetVips;

namespace AgCam.Images;

/// <summary>JPEG, PNG, WebP and TIFF by libvips. The loader is chosen here, never by libvips.</summary>
internal static class VipsDecoder
{
    /// <summary>Above this many pixels, images are decoded one at a time: the memory bound is the process's, not each thread's.</summary>
    private const long LargePixels = 1 << 23;

    private static readonly Lock Large = new();

    private static readonly Log.LogDelegate Silence = (_, _, _) => { };

    static VipsDecoder()
    {
        NetVips.NetVips.BlockUntrusted = true;
        NetVips.NetVips.Concurrency = 1; // images run in parallel, not parts of one
        Cache.Max = 0; // no image is decoded twice
        Log.SetLogHandler("VIPS", Enums.LogLevelFlags.Warning, Silence); // what is wrong with an image is in its exception, not on stderr
    }

    /// <exception cref="ImageException">The image is over a limit, broken, or of a kind that has no RGB.</exception>
    public static RgbImage Decode(ReadOnlyMemory<byte> bytes, ImageFormat format, ImageLimits limits)
    {
        byte[] buffer = MemoryMarshal.TryGetArray(bytes, out var segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length
            ? segment.Array
            : bytes.ToArray();
        if (format == ImageFormat.Jpeg)
            buffer = WithKnownVersion(buffer);
        try
        {
            using var image = Open(buffer, format);
            limits.CheckSize(image.Width, image.Height);
            if ((long)image.Width * image.Height <= LargePixels)
                return Read(image, format, buffer);
            lock (Large)
                return Read(image, format, buffer);
        }
        catch (VipsException broken)
        {
            throw new ImageException(ImageFailure.Corrupt, $"The {format} data is broken: {Reason(broken)}", broken);
        }
    }

    /// <summary>The header only.</summary>
    /// <exception cref="ImageException">The image is over a limit, or its header is broken.</exception>
    public static void CheckHeader(ReadOnlyMemory<byte> bytes, ImageFormat format, ImageLimits limits)
    {
        try
        {
            using var image = Open(format == ImageFormat.Jpeg ? WithKnownVersion(bytes.ToArray()) : bytes.ToArray(), format);
            limits.CheckSize(image.Width, image.Height);
        }
        catch (VipsException broken)
        {
            throw new ImageException(ImageFailure.Corrupt, $"The {format} header is broken: {Reason(broken)}", broken);
        }
    }

    /// <summary>An unknown JFIF version alone is a warning to the decoder, and here warnings fail, so it is read as version 1.</summary>
    private static byte[] WithKnownVersion(byte[] jpeg)
    {
        if (jpeg is not [0xFF, 0xD8, 0xFF, 0xE0, _, _, (byte)'J', (byte)'F', (byte)'I', (byte)'F', 0, not 1, ..])
            return jpeg;
        byte[] known = [.. jpeg];
        known[11] = 1;
        return known;
    }

    /// <summary>Reads the header only: pixels are decoded from top to bottom when they are asked for.</summary>
    private static Image Open(byte[] buffer, ImageFormat format) => format switch
    {
        ImageFormat.Jpeg => Image.JpegloadBuffer(buffer, access: Enums.Access.Sequential, failOn: Enums.FailOn.Warning),
        ImageFormat.Png => Image.PngloadBuffer(buffer, access: Enums.Access.Sequential, failOn: Enums.FailOn.Warning),
        ImageFormat.Webp => Image.WebploadBuffer(buffer, page: 0, n: 1, access: Enums.Access.Sequential, failOn: Enums.FailOn.Warning),
        ImageFormat.Tiff => Image.TiffloadBuffer(buffer, page: 0, n: 1, access: Enums.Access.Sequential, failOn: Enums.FailOn.Error),
        _ => throw new ImageException(ImageFailure.UnsupportedFormat, $"{format} images are not read."),
    };

    private static RgbImage Read(Image image, ImageFormat format, ReadOnlySpan<byte> file)
    {
        int orientation = image.Contains("orientation") && image.Get("orientation") is int value ? value : 1;
        bool cmyk = image.Interpretation == Enums.Interpretation.Cmyk;
        int channels = image.Bands;
        if (channels > 4 || (cmyk && channels != 4) || image.Interpretation is Enums.Interpretation.Lab or Enums.Interpretation.Labs)
            throw new ImageException(ImageFailure.UnsupportedFormat, $"{channels} channels of {image.Interpretation} are no RGB picture. Convert the image to RGB.");

        using var eightBit = ToEightBit(image, format, file);
        nint memory = eightBit.WriteToMemory(out ulong size);
        try
        {
            int expected = checked(image.Width * image.Height * channels);
            if (size != (ulong)expected)
                throw new ImageException(ImageFailure.Corrupt, $"{image.Width} x {image.Height} pixels of {channels} channels came as {size} bytes.");
            ReadOnlySpan<byte> samples;
            unsafe
            {
                samples = new ReadOnlySpan<byte>((void*)memory, expected);
            }
            byte[] rgb = cmyk ? Channels.CmykToRgb(samples) : Channels.ToRgb(samples, channels);
            return Orientation.Upright(new RgbImage(image.Width, image.Height, rgb), orientation);
        }
        finally
        {
            NetVips.NetVips.Free(memory);
        }
    }

    /// <summary>
    /// Pillow keeps the high byte of 16-bit colour, but clips everything else that is wider than 8 bits (16-bit grey, floats) to 0..255, so
    /// that most 16-bit grey turns white. That is odd, and it is what models are evaluated with.
    /// </summary>
    private static Image ToEightBit(Image image, ImageFormat format, ReadOnlySpan<byte> file)
    {
        if (image.Format == Enums.BandFormat.Uchar)
            return image.Copy();
        bool greyPng = format == ImageFormat.Png && file.Length > 25 && file[25] == 0; // with a transparent level it has two channels
        bool highByte = image.Format == Enums.BandFormat.Ushort && image.Bands > 1 && !greyPng;
        return image.Cast(Enums.BandFormat.Uchar, shift: highByte);
    }

    /// <summary>The decoder's own words, on one line.</summary>
    private static string Reason(VipsException broken)
    {
        var lines = broken.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string reason = string.Join("; ", lines.Skip(lines.Length > 1 ? 1 : 0).Distinct());
        return reason.Length <= 300 ? reason : string.Concat(reason.AsSpan(0, 300), "...");
    }
}
