using System.Buffers.Binary;
using System.IO.Compression;

namespace AgCam.Tests.Images;

/// <summary>Makes small files that decode to excessive memory, time or frames.</summary>
internal static class ImageBombs
{
    public static Dictionary<string, byte[]> All() =>
        new()
        {
            ["png-largest-16-bit-interlaced"] = Png(8192, 8192, depth: 16, colour: 6, interlaced: true),
            ["png-largest-plain"] = Png(8192, 8192, depth: 8, colour: 2, interlaced: false),
            ["png-one-pixel-high"] = Png(65_535, 1, depth: 8, colour: 2, interlaced: false),
            ["png-too-wide"] = Png(2_000_000, 1, depth: 1, colour: 0, interlaced: false),
            ["png-largest-without-data"] = [.. Png(8192, 8192, depth: 8, colour: 2, interlaced: false)[..50]],
            ["png-profile-of-100-MB"] = WithChunk("iCCP", [(byte)'x', 0, 0, .. Zeros(100_000_000)], 1),
            ["png-text-of-100-MB"] = WithChunk("zTXt", [(byte)'x', 0, 0, .. Zeros(100_000_000)], 4),
            ["png-200000-chunks"] = WithChunk("tEXt", "k\0v"u8.ToArray(), 200_000),
            ["gif-largest"] = Gif(8192, 8192, frames: 1),
            ["gif-too-large"] = Gif(65_535, 65_535, frames: 1),
            ["gif-largest-canvas-small-frames"] = Gif(8192, 8192, frames: 50_000, frameSide: 1),
            ["gif-deep-animation"] = Gif(64, 64, frames: 100_000, frameSide: 2),
            ["gif-only-extensions"] =
            [
                .. "GIF89a"u8,
                9,
                0,
                9,
                0,
                0,
                0,
                0,
                .. Enumerable.Repeat<byte[]>([0x21, 0xFE, 1, 0, 0], 200_000).SelectMany(bytes => bytes),
            ],
            ["bmp-too-large"] = WithInt32(Picture.Bytes("rgb24.bmp"), 18, 1_000_000),
            ["bmp-largest-without-data"] = WithInt32(WithInt32(Picture.Bytes("rgb24.bmp"), 18, 8192), 22, 8192),
            ["bmp-most-negative-height"] = WithInt32(Picture.Bytes("rgb24.bmp"), 22, int.MinValue),
            ["webp-many-frames"] = DeepWebp(3_000),
            ["jpeg-largest-without-data"] = Jpeg("rgb_444.jpg", 8192),
            ["jpeg-too-large"] = Jpeg("rgb_444.jpg", 65_500),
            ["jpeg-progressive-largest-without-data"] = Jpeg("progressive.jpg", 8192),
            ["jpeg-5000-scans"] = ManyScans(2048, 5_000),
            ["tiff-directories-in-a-circle"] = CircularTiff(),
        };

    private static byte[] Png(int width, int height, byte depth, byte colour, bool interlaced)
    {
        int channels = colour switch
        {
            0 => 1,
            2 => 3,
            _ => 4,
        };
        long Row(long pixels) => 1 + (((pixels * depth * channels) + 7) / 8);
        long size = interlaced
            ? new[] { (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2) }.Sum(pass =>
                (long)((height - pass.Item2 + pass.Item4 - 1) / pass.Item4) * Row((width - pass.Item1 + pass.Item3 - 1) / pass.Item3)
            )
            : height * Row(width);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = (depth, colour, interlaced ? (byte)1 : (byte)0);
        return [0x89, .. "PNG\r\n\x1A\n"u8, .. Chunk("IHDR", header), .. Chunk("IDAT", Zeros(size)), .. Chunk("IEND", [])];
    }

    /// <summary>Returns deflated zeros.</summary>
    private static byte[] Zeros(long count)
    {
        using var packed = new MemoryStream();
        using (var deflate = new ZLibStream(packed, CompressionLevel.Fastest))
            for (var zeros = new byte[1 << 20]; count > 0; count -= zeros.Length)
                deflate.Write(zeros.AsSpan(0, (int)Math.Min(count, zeros.Length)));
        return packed.ToArray();
    }

    private static byte[] Chunk(string type, byte[] body)
    {
        byte[] typed = [.. System.Text.Encoding.ASCII.GetBytes(type), .. body];
        var chunk = new byte[typed.Length + 8];
        BinaryPrimitives.WriteInt32BigEndian(chunk, body.Length);
        typed.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(typed.Length + 4), System.IO.Hashing.Crc32.HashToUInt32(typed));
        return chunk;
    }

    private static byte[] WithChunk(string type, byte[] body, int times)
    {
        byte[] png = Picture.Bytes("rgb8.png"),
            chunk = Chunk(type, body);
        using var file = new MemoryStream();
        file.Write(png.AsSpan(0, 33)); // signature and header
        for (int i = 0; i < times; i++)
            file.Write(chunk);
        file.Write(png.AsSpan(33));
        return file.ToArray();
    }

    /// <summary>Makes frames of one colour.</summary>
    private static byte[] Gif(int width, int height, int frames, int frameSide = 0)
    {
        using var gif = new MemoryStream();
        using var writer = new BinaryWriter(gif);
        writer.Write("GIF89a"u8);
        writer.Write((ushort)width);
        writer.Write((ushort)height);
        writer.Write([0x80, 0, 0, 1, 2, 3, 4, 5, 6]); // a palette of two colours
        var (frameWidth, frameHeight) = frameSide == 0 ? (width, height) : (frameSide, frameSide);
        byte[] data = Lzw((long)frameWidth * frameHeight);
        for (int i = 0; i < frames; i++)
        {
            writer.Write([0x21, 0xF9, 4, 0, 0, 0, 0, 0, 0x2C, 0, 0, 0, 0]);
            writer.Write((ushort)frameWidth);
            writer.Write((ushort)frameHeight);
            writer.Write((byte)0);
            writer.Write(data);
        }
        writer.Write((byte)0x3B);
        return gif.ToArray();
    }

    /// <summary>Repeats the first colour; each code is the previous one plus a pixel.</summary>
    private static byte[] Lzw(long count)
    {
        var bits = new List<bool>();
        int width = 3,
            next = 6;
        void Write(int code)
        {
            for (int i = 0; i < width; i++)
                bits.Add((code >> i & 1) != 0);
        }
        long written = 0,
            run = 0;
        while (written < count)
        {
            if (run == 0 || next == 4095)
            {
                Write(4); // clear
                (width, next, run) = (3, 6, 1);
                Write(0);
            }
            else
            {
                Write(next++);
                run++;
                if (next == 1 << width && width < 12)
                    width++;
            }
            written += run;
        }
        Write(5); // end
        var bytes = new byte[(bits.Count + 7) / 8];
        for (int i = 0; i < bits.Count; i++)
            bytes[i / 8] |= (byte)(bits[i] ? 1 << (i % 8) : 0);
        return [2, .. bytes.Chunk(255).SelectMany(block => new[] { (byte)block.Length }.Concat(block)), 0];
    }

    /// <summary>Repeats an animation's frames; only the first must be decoded.</summary>
    private static byte[] DeepWebp(int times)
    {
        byte[] webp = Picture.Bytes("animated.webp");
        int first = webp.AsSpan().IndexOf("ANMF"u8);
        byte[] deep = [.. webp[..first], .. Enumerable.Repeat(webp[first..], times).SelectMany(frames => frames)];
        return WithInt32(deep, 4, deep.Length - 8);
    }

    private static byte[] Jpeg(string name, int side)
    {
        byte[] jpeg = Picture.Bytes(name);
        int frame = FrameHeader(jpeg);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 5), (ushort)side);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 7), (ushort)side);
        return jpeg;
    }

    private static byte[] ManyScans(int side, int times)
    {
        byte[] jpeg = Jpeg("progressive.jpg", side);
        int scan = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]),
            end = jpeg.AsSpan(scan + 2).IndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]) + scan + 2;
        return [.. jpeg[..end], .. Enumerable.Repeat(jpeg[scan..end], times).SelectMany(bytes => bytes), .. jpeg[end..]];
    }

    private static int FrameHeader(byte[] jpeg)
    {
        int sequential = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        return sequential >= 0 ? sequential : jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC2]);
    }

    /// <summary>Links the last directory back to the first.</summary>
    private static byte[] CircularTiff()
    {
        byte[] tiff = Picture.Bytes("RGB_raw.tif");
        int directory = BinaryPrimitives.ReadInt32LittleEndian(tiff.AsSpan(4));
        int entries = BinaryPrimitives.ReadUInt16LittleEndian(tiff.AsSpan(directory));
        return WithInt32(tiff, directory + 2 + (entries * 12), directory);
    }

    private static byte[] WithInt32(byte[] bytes, int at, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), value);
        return bytes;
    }
}
