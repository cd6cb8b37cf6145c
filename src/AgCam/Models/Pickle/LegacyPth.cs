using System.Buffers.Binary;
using System.Numerics;

namespace AgCam.Models.Pickle;

/// <summary>
/// Reads the format of torch.save before version 1.6. It consists of five pickles (magic number, protocol, machine, object, storage keys),
/// then a 64-bit count and the numbers of every storage.
/// </summary>
internal static class LegacyPth
{
    private static readonly BigInteger Magic = BigInteger.Parse("119547037146038801333356"); // 0x1950a86a20f9469cfc6c
    private const long Protocol = 1001;

    public static (object? Root, Dictionary<string, (long Start, long Length)> Storages) Read(MappedFile file, int maxPickle)
    {
        var reader = new PickleReader(file.Slice(0, (int)Math.Min(file.Length, maxPickle)), file.Path);
        if (reader.Read() is not BigInteger magic || magic != Magic)
            throw PthFile.Corrupt(file.Path, "it does not begin with torch.save's magic number");
        if (reader.Read() is not Protocol)
            throw PthFile.Corrupt(file.Path, $"its protocol is not {Protocol}");
        if (reader.Read() is not PickleDictionary machine || machine.Get("little_endian") is not true)
            throw PthFile.Corrupt(file.Path, "it was not saved on a little-endian machine");
        var sizes = new Dictionary<string, int>(StringComparer.Ordinal);
        var root = reader.Read(storage => sizes[storage.Key] = storage.DType.Bits() / 8);
        if (reader.Read() is not PickleSequence keys)
            throw PthFile.Corrupt(file.Path, "the list of its storages is missing");

        var storages = new Dictionary<string, (long, long)>(StringComparer.Ordinal);
        long at = reader.Position;
        foreach (var item in keys.Items)
        {
            if (item is not string key || !sizes.TryGetValue(key, out var size))
                throw PthFile.Corrupt(file.Path, "it lists a storage of unknown type");
            if (at > file.Length - 8)
                throw PthFile.Corrupt(file.Path, "it ends before its last storage");
            var count = BinaryPrimitives.ReadInt64LittleEndian(file.Slice(at, 8));
            at += 8;
            if (count < 0 || count > (file.Length - at) / size)
                throw PthFile.Corrupt(
                    file.Path,
                    $"the storage {PrintableName.Of(key)} claims {count:N0} numbers, beyond the end of the file"
                );
            if (!storages.TryAdd(key, (at, count * size)))
                throw PthFile.Corrupt(file.Path, $"it lists the storage {PrintableName.Of(key)} twice");
            at += count * size;
        }

        return (root, storages);
    }
}
