using System.Numerics;

namespace AgCam.Images;

/// <summary>
/// Windows and OS/2 bitmaps without run-length compression: 1, 4 and 8 bits with a palette, 16, 24 and 32 bits of colour.
/// </summary>
internal static class BmpDecoder
{
    private const uint Plain = 0;
    private const uint BitFields = 3;

    /// <exception cref="ImageException">The image is over a limit, broken, or compressed.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> bytes, ImageLimits limits)
    {
        var reader = new ByteReader(bytes, "BMP");
        reader.Take(10); // signature, file size, reserved
        uint pixelOffset = reader.UInt32();
        uint headerSize = reader.UInt32();
        if (headerSize is not (12 or 40 or 52 or 56 or 64 or 108 or 124))
            throw new ImageException(ImageFailure.UnsupportedFormat, "The file begins with BM, but its header is not that of a known BMP.");

        bool old = headerSize == 12;
        long width = old ? reader.UInt16() : reader.Int32();
        long height = old ? reader.UInt16() : reader.Int32();
        bool topDown = height < 0;
        height = Math.Abs(height);
        limits.CheckSize(width, height);
        using var share = DecodingBudget.Take(width * height);
        reader.Take(2); // planes
        int depth = reader.UInt16();
        uint compression = Plain,
            colours = 0;
        if (!old)
        {
            compression = reader.UInt32();
            reader.Take(12); // size and resolution
            colours = reader.UInt32();
            reader.Take(4); // important colours
        }
        if (compression is not (Plain or BitFields) || (compression == BitFields && depth is not (16 or 32)))
            throw new ImageException(
                ImageFailure.UnsupportedFormat,
                $"BMP compression {compression} at {depth} bits is not supported. Save the image as PNG."
            );
        if (depth is not (1 or 4 or 8 or 16 or 24 or 32))
            throw new ImageException(
                ImageFailure.UnsupportedFormat,
                $"A BMP of {depth} bits per pixel is not supported. Save the image as PNG."
            );

        var masks = Masks(ref reader, compression, depth);
        if (reader.Position < 14 + headerSize)
            reader.MoveTo(14 + headerSize);
        var palette = depth > 8 ? Palette.Greys : ReadPalette(ref reader, colours, depth, old ? 3 : 4);
        reader.MoveTo(pixelOffset);
        return ReadRows(ref reader, (int)width, (int)height, topDown, depth, palette, masks);
    }

    /// <summary>Returns the masks of red, green and blue in 16 and 32 bits.</summary>
    private static (uint R, uint G, uint B) Masks(ref ByteReader reader, uint compression, int depth) =>
        compression == BitFields ? (reader.UInt32(), reader.UInt32(), reader.UInt32())
        : depth == 16 ? (0x7C00u, 0x03E0u, 0x001Fu)
        : (0xFF0000u, 0x00FF00u, 0x0000FFu);

    private static Palette ReadPalette(ref ByteReader reader, uint colours, int depth, int entryBytes)
    {
        uint maximum = 1u << depth;
        int count = (int)(colours == 0 ? maximum : Math.Min(colours, maximum));
        return Palette.Of(reader.Take(count * entryBytes), entryBytes, blueFirst: true);
    }

    private static RgbImage ReadRows(
        ref ByteReader reader,
        int width,
        int height,
        bool topDown,
        int depth,
        Palette palette,
        (uint R, uint G, uint B) masks
    )
    {
        int rowBytes = (int)((((long)width * depth) + 31) / 32 * 4); // rows are aligned to 4 bytes
        if ((long)rowBytes * height > reader.Left)
            throw new ImageException(ImageFailure.Corrupt, $"The BMP holds {reader.Left} of {(long)rowBytes * height} bytes of pixels.");

        var pixels = new byte[width * height * 3];
        for (int row = 0; row < height; row++)
        {
            var source = reader.Take(rowBytes);
            var target = pixels.AsSpan((topDown ? row : height - 1 - row) * width * 3, width * 3);
            for (int x = 0; x < width; x++)
            {
                var pixel = target.Slice(x * 3, 3);
                switch (depth)
                {
                    case 16:
                        Unpack((uint)(source[x * 2] | (source[(x * 2) + 1] << 8)), masks, pixel);
                        break;
                    case 24:
                        (pixel[0], pixel[1], pixel[2]) = (source[(x * 3) + 2], source[(x * 3) + 1], source[x * 3]);
                        break;
                    case 32:
                        Unpack(BitConverter.ToUInt32(source[(x * 4)..]), masks, pixel);
                        break;
                    default:
                        int bit = x * depth;
                        palette[(source[bit / 8] >> (8 - depth - (bit % 8))) & ((1 << depth) - 1)].CopyTo(pixel);
                        break;
                }
            }
        }
        return new RgbImage(width, height, pixels);
    }

    private static void Unpack(uint value, (uint R, uint G, uint B) masks, Span<byte> pixel)
    {
        pixel[0] = Level(value, masks.R);
        pixel[1] = Level(value, masks.G);
        pixel[2] = Level(value, masks.B);
    }

    /// <summary>Returns the bits under the mask, scaled to 0..255.</summary>
    private static byte Level(uint value, uint mask)
    {
        if (mask == 0)
            return 0;
        int shift = BitOperations.TrailingZeroCount(mask);
        return (byte)((ulong)((value & mask) >> shift) * 255 / (mask >> shift));
    }
}
