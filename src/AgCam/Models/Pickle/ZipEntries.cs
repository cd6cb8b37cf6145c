using System.Buffers.Binary;
using System.Text;

namespace AgCam.Models.Pickle;

/// <summary>
/// Reads the central directory of torch.save's zip archive, in which every entry is an uncompressed range of the file. Compressed entries
/// are refused, so there is no zip bomb.
/// </summary>
internal static class ZipEntries
{
    private const int MaxEntries = 100_000;
    private const uint EndOfDirectory = 0x06054b50,
        EndOfDirectory64 = 0x06064b50,
        Locator64 = 0x07064b50;
    private const uint DirectoryEntry = 0x02014b50,
        LocalEntry = 0x04034b50;

    /// <returns>Ranges in the file by name.</returns>
    public static Dictionary<string, (long Start, long Length)> Read(MappedFile file)
    {
        var (count, at, length) = FindDirectory(file);
        if (count > MaxEntries || at > file.Length || length > file.Length - at || length > int.MaxValue)
            throw Corrupt(file, "its directory lies outside the file");
        var directory = file.Slice(at, (int)length);
        var entries = new Dictionary<string, (long, long)>(StringComparer.Ordinal);
        for (var i = 0L; i < count; i++)
        {
            if (directory.Length < 46 || U32(directory) != DirectoryEntry)
                throw Corrupt(file, "its directory ends early");
            int nameLength = U16(directory[28..]),
                extraLength = U16(directory[30..]),
                commentLength = U16(directory[32..]);
            if (directory.Length < 46 + nameLength + extraLength + commentLength)
                throw Corrupt(file, "its directory ends early");
            var name = Encoding.UTF8.GetString(directory.Slice(46, nameLength));
            if (!name.EndsWith('/') && !entries.TryAdd(name, Range(file, name, directory, directory.Slice(46 + nameLength, extraLength))))
                throw Corrupt(file, $"it names {PrintableName.Of(name)} twice");
            directory = directory[(46 + nameLength + extraLength + commentLength)..];
        }

        return entries;
    }

    private static (long Start, long Length) Range(MappedFile file, string name, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra)
    {
        if ((U16(entry[8..]) & 1) != 0)
            throw Corrupt(file, $"{PrintableName.Of(name)} is encrypted");
        if (U16(entry[10..]) != 0)
            throw Corrupt(file, $"{PrintableName.Of(name)} is compressed, which torch.save never does");
        long stored = U32(entry[20..]),
            length = U32(entry[24..]),
            local = U32(entry[42..]);
        if (stored == uint.MaxValue || length == uint.MaxValue || local == uint.MaxValue)
            ReadZip64(file, extra, ref length, ref stored, ref local);
        if (stored != length || local > file.Length - 30)
            throw Corrupt(file, $"{PrintableName.Of(name)} has contradictory sizes or offsets");
        var header = file.Slice(local, 30);
        if (U32(header) != LocalEntry)
            throw Corrupt(file, $"{PrintableName.Of(name)} is not at the offset in the directory");
        var start = local + 30 + U16(header[26..]) + U16(header[28..]);
        if (start > file.Length || length > file.Length - start)
            throw Corrupt(file, $"{PrintableName.Of(name)} claims {length:N0} bytes, beyond the end of the file");
        return (start, length);
    }

    /// <summary>Reads extra field 1, which holds, in this order, those of the three numbers that do not fit in 32 bits.</summary>
    private static void ReadZip64(MappedFile file, ReadOnlySpan<byte> extra, ref long length, ref long stored, ref long local)
    {
        while (extra.Length >= 4)
        {
            int id = U16(extra),
                size = U16(extra[2..]);
            if (size > extra.Length - 4)
                break;
            var field = extra.Slice(4, size);
            extra = extra[(4 + size)..];
            if (id != 1)
                continue;
            length = Wide(file, length, ref field);
            stored = Wide(file, stored, ref field);
            local = Wide(file, local, ref field);
            return;
        }

        throw Corrupt(file, "a 64-bit size is missing");
    }

    private static long Wide(MappedFile file, long narrow, ref ReadOnlySpan<byte> field)
    {
        if (narrow != uint.MaxValue)
            return narrow;
        if (field.Length < 8)
            throw Corrupt(file, "a 64-bit size is missing");
        var value = I64(file, field);
        field = field[8..];
        return value;
    }

    private static (long Count, long Start, long Length) FindDirectory(MappedFile file)
    {
        // The end record has 22 bytes and a comment of at most 65,535 bytes.
        var tailLength = (int)Math.Min(file.Length, 22 + ushort.MaxValue);
        var tailStart = file.Length - tailLength;
        var tail = file.Slice(tailStart, tailLength);
        for (var i = tail.Length - 22; i >= 0; i--)
        {
            if (U32(tail[i..]) != EndOfDirectory)
                continue;
            var at = tailStart + i;
            if (at >= 20 && file.Slice(at - 20, 20) is var locator && U32(locator) == Locator64)
            {
                var end = I64(file, locator[8..]);
                if (end > file.Length - 56 || U32(file.Slice(end, 56)) != EndOfDirectory64)
                    throw Corrupt(file, "its 64-bit directory is not at the stated offset");
                var record = file.Slice(end, 56);
                return (I64(file, record[32..]), I64(file, record[48..]), I64(file, record[40..]));
            }

            return (U16(tail[(i + 10)..]), U32(tail[(i + 16)..]), U32(tail[(i + 12)..]));
        }

        throw Corrupt(file, "it has no zip directory and is probably truncated");
    }

    private static ushort U16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static uint U32(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static long I64(MappedFile file, ReadOnlySpan<byte> bytes) =>
        BinaryPrimitives.ReadInt64LittleEndian(bytes) is >= 0 and var value ? value : throw Corrupt(file, "a size is negative");

    private static ModelException Corrupt(MappedFile file, string reason) => PthFile.Corrupt(file.Path, reason);
}
