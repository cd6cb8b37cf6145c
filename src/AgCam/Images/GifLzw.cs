namespace AgCam.Images;

/// <summary>Decodes GIF's variable-length LZW in blocks of up to 255 bytes.</summary>
internal static class GifLzw
{
    private const int MaxCodes = 4096;

    /// <returns>Exactly <paramref name="count"/> palette indices. Data beyond them is not read.</returns>
    /// <exception cref="ImageException">corrupt: the data ends early or holds an invalid code.</exception>
    public static byte[] Decode(ref ByteReader reader, int count)
    {
        int literalBits = reader.Byte();
        if (literalBits is < 1 or > 8)
            throw new ImageException(ImageFailure.Corrupt, $"The GIF's codes begin with {literalBits} bits; 2 to 8 are possible.");

        int clear = 1 << literalBits,
            end = clear + 1;
        var prefix = new short[MaxCodes]; // a code is another code
        var suffix = new byte[MaxCodes]; // and one more index
        var length = new int[MaxCodes];
        for (int i = 0; i < clear; i++)
            (suffix[i], length[i], prefix[i]) = ((byte)i, 1, -1);

        var indices = new byte[count];
        int filled = 0,
            next = end + 1,
            codeBits = literalBits + 1,
            previous = -1;
        int bits = 0,
            bitCount = 0;
        ReadOnlySpan<byte> block = default;
        while (filled < count)
        {
            while (bitCount < codeBits)
            {
                if (block.IsEmpty)
                {
                    int size = reader.Byte();
                    if (size == 0)
                        throw Short(filled, count);
                    block = reader.Take(size);
                }
                bits |= block[0] << bitCount;
                bitCount += 8;
                block = block[1..];
            }
            int code = bits & ((1 << codeBits) - 1);
            bits >>= codeBits;
            bitCount -= codeBits;

            if (code == clear)
            {
                (next, codeBits, previous) = (end + 1, literalBits + 1, -1);
                continue;
            }
            if (code == end)
                throw Short(filled, count);
            if (code > next || (code == next && previous < 0) || (previous < 0 && code >= clear))
                throw new ImageException(ImageFailure.Corrupt, $"The GIF holds code {code}, which is not defined yet.");

            if (previous >= 0 && next < MaxCodes)
            {
                // the new code is the previous one plus the first index of this one, which may be the new code itself
                int first = code == next ? previous : code;
                while (prefix[first] >= 0)
                    first = prefix[first];
                (prefix[next], suffix[next], length[next]) = ((short)previous, suffix[first], length[previous] + 1);
                next++;
                if (next == 1 << codeBits && codeBits < 12)
                    codeBits++;
            }
            else if (code >= next)
            {
                throw new ImageException(ImageFailure.Corrupt, $"The GIF holds code {code}, which is not defined yet.");
            }

            int stop = filled + length[code];
            for (int at = stop - 1, c = code; at >= filled; at--, c = prefix[c])
                if (at < count)
                    indices[at] = suffix[c];
            filled = stop;
            previous = code;
        }
        return indices;
    }

    private static ImageException Short(int filled, int count) =>
        new(ImageFailure.Corrupt, $"The GIF's first frame holds {filled} of {count} pixels.");
}
