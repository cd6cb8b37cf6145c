namespace AgCam.Images;

/// <summary>
/// Decodes the first frame of a GIF and ignores the rest. Own code, because other decoders paint transparent pixels differently: Pillow's
/// <c>convert("RGB")</c> shows the palette's colour under them.
/// </summary>
internal static class GifDecoder
{
    private const byte Extension = 0x21;
    private const byte ImageDescriptor = 0x2C;
    private const byte Trailer = 0x3B;
    private const byte GraphicControl = 0xF9;
    private const int HasPalette = 0x80;
    private const int Interlaced = 0x40;

    /// <exception cref="ImageException">The image is over a limit, broken, or has no frame.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> bytes, ImageLimits limits)
    {
        var reader = new ByteReader(bytes, "GIF");
        reader.Take(6); // signature
        int width = reader.UInt16(),
            height = reader.UInt16();
        int flags = reader.Byte();
        reader.Take(2); // background colour and aspect ratio, which Pillow ignores too
        var palette = ReadPalette(ref reader, flags) ?? Palette.Greys;

        int transparent = -1;
        while (reader.Left > 0)
        {
            switch (reader.Byte())
            {
                case Extension:
                    transparent = ReadExtension(ref reader) ?? transparent;
                    break;
                case ImageDescriptor:
                    return ReadFrame(ref reader, width, height, palette, Math.Max(0, transparent), limits);
                case Trailer:
                    throw new ImageException(ImageFailure.Corrupt, "The GIF has no frame.");
            }
        }
        throw new ImageException(ImageFailure.Corrupt, "The GIF ends before its first frame.");
    }

    private static Palette? ReadPalette(ref ByteReader reader, int flags) =>
        (flags & HasPalette) == 0 ? null : Palette.Of(reader.Take(3 << ((flags & 7) + 1)));

    /// <returns>The transparent index, if this extension sets one.</returns>
    private static int? ReadExtension(ref ByteReader reader)
    {
        bool graphicControl = reader.Byte() == GraphicControl;
        int? transparent = null;
        for (int length = reader.Byte(); length > 0; length = reader.Byte())
        {
            var block = reader.Take(length);
            if (graphicControl && length >= 4 && (block[0] & 1) != 0)
                transparent = block[3];
        }
        return transparent;
    }

    private static RgbImage ReadFrame(ref ByteReader reader, int width, int height, Palette palette, int background, ImageLimits limits)
    {
        int left = reader.UInt16(),
            top = reader.UInt16(),
            frameWidth = reader.UInt16(),
            frameHeight = reader.UInt16();
        int flags = reader.Byte();
        palette = ReadPalette(ref reader, flags) ?? palette;
        // a frame that exceeds the canvas enlarges it
        width = Math.Max(width, left + frameWidth);
        height = Math.Max(height, top + frameHeight);
        limits.CheckSize(width, height);
        limits.CheckSize(frameWidth, frameHeight);
        using var share = DecodingBudget.Take((long)width * height);

        byte[] frame = GifLzw.Decode(ref reader, frameWidth * frameHeight);
        var pixels = new byte[width * height * 3];
        if (frameWidth < width || frameHeight < height)
            for (int i = 0; i < pixels.Length; i += 3)
                palette[background].CopyTo(pixels.AsSpan(i));
        int row = 0;
        foreach (int y in RowOrder(frameHeight, (flags & Interlaced) != 0))
        {
            var target = pixels.AsSpan((((top + y) * width) + left) * 3, frameWidth * 3);
            var indices = frame.AsSpan(row++ * frameWidth, frameWidth);
            for (int x = 0; x < indices.Length; x++)
                palette[indices[x]].CopyTo(target[(x * 3)..]);
        }
        return new RgbImage(width, height, pixels);
    }

    private static IEnumerable<int> RowOrder(int height, bool interlaced)
    {
        (int First, int Step)[] passes = interlaced ? [(0, 8), (4, 8), (2, 4), (1, 2)] : [(0, 1)];
        foreach (var (first, step) in passes)
            for (int y = first; y < height; y += step)
                yield return y;
    }
}
