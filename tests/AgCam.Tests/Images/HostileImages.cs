using System.Buffers.Binary;

namespace AgCam.Tests.Images;

/// <summary>Makes broken files from the small pictures, reproducible by seed.</summary>
internal sealed class HostileImages(int seed)
{
    private static readonly string[] Extensions = [".jpg", ".png", ".webp", ".gif", ".bmp", ".tif"];
    private static readonly uint[] Extremes = [0, 1, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF];

    private readonly Random _random = new(seed);
    private readonly byte[][] _pictures = [.. Picture.Names.Select(Picture.Bytes)];

    public IEnumerable<(string Name, byte[] Bytes)> Take(int count)
    {
        for (int i = 0; i < count; i++)
        {
            var (kind, bytes) = Next(i);
            yield return ($"{i:D6}-{kind}{Extensions[_random.Next(Extensions.Length)]}", bytes);
        }
    }

    private (string Kind, byte[] Bytes) Next(int i)
    {
        byte[] picture = [.. _pictures[i % _pictures.Length]];
        return (i / _pictures.Length % 10) switch
        {
            0 => ("truncated", picture[.._random.Next(picture.Length)]),
            1 => ("flipped", Flip(picture, 1)),
            2 => ("flipped-much", Flip(picture, 2 + _random.Next(40))),
            3 => ("spliced", Splice(picture, _pictures[_random.Next(_pictures.Length)])),
            4 => ("extremes", Extreme(picture, 1 + _random.Next(4), picture.Length)),
            5 => ("extreme-header", Extreme(picture, 1 + _random.Next(4), Math.Min(80, picture.Length))),
            6 => ("hole", Hole(picture)),
            7 => ("repeated", Repeat(picture)),
            8 => ("header-then-noise", HeaderThenNoise(picture)),
            _ => ("noise-or-nothing", Noise(_random.Next(4) == 0 ? 0 : _random.Next(300))),
        };
    }

    private byte[] Flip(byte[] picture, int bits)
    {
        for (int i = 0; i < bits; i++)
            picture[_random.Next(picture.Length)] ^= (byte)(1 << _random.Next(8));
        return picture;
    }

    private byte[] Splice(byte[] a, byte[] b) => [.. a[.._random.Next(a.Length)], .. b[_random.Next(b.Length)..]];

    private byte[] Extreme(byte[] picture, int times, int within)
    {
        for (int i = 0; i < times; i++)
        {
            uint value = Extremes[_random.Next(Extremes.Length)];
            int at = _random.Next(within);
            if (at + 4 > picture.Length)
                picture[at] = (byte)value;
            else if (_random.Next(2) == 0)
                BinaryPrimitives.WriteUInt32LittleEndian(picture.AsSpan(at), value);
            else
                BinaryPrimitives.WriteUInt32BigEndian(picture.AsSpan(at), value);
        }
        return IsPng(picture) ? WithChecksums(picture) : picture;
    }

    private byte[] Hole(byte[] picture)
    {
        int from = _random.Next(picture.Length),
            to = _random.Next(from, picture.Length);
        if (_random.Next(2) == 0)
            return [.. picture[..from], .. picture[to..]];
        picture.AsSpan(from, to - from).Clear();
        return picture;
    }

    private byte[] Repeat(byte[] picture)
    {
        int from = _random.Next(picture.Length),
            to = _random.Next(from, picture.Length);
        return [.. picture[..to], .. Enumerable.Repeat(picture[from..to], 1 + _random.Next(8)).SelectMany(part => part), .. picture[to..]];
    }

    private byte[] HeaderThenNoise(byte[] picture) =>
        [.. picture[..Math.Min(picture.Length, 12 + _random.Next(60))], .. Noise(_random.Next(400))];

    private byte[] Noise(int length)
    {
        var noise = new byte[length];
        _random.NextBytes(noise);
        return noise;
    }

    private static bool IsPng(byte[] picture) => picture is [0x89, (byte)'P', (byte)'N', (byte)'G', ..];

    /// <summary>Corrects every chunk's checksum, so that the decoder reads the content.</summary>
    private static byte[] WithChecksums(byte[] png)
    {
        for (int at = 8; at + 12 <= png.Length; )
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at));
            if (length > png.Length - at - 12)
                break;
            int body = 4 + (int)length;
            BinaryPrimitives.WriteUInt32BigEndian(
                png.AsSpan(at + 4 + body),
                System.IO.Hashing.Crc32.HashToUInt32(png.AsSpan(at + 4, body))
            );
            at += 8 + body;
        }
        return png;
    }
}
