using System.Buffers.Binary;
using System.Text.Json;

namespace AgCam.Models.Safetensors;

/// <summary>Entry of the header; offsets are in bytes from the start of the file.</summary>
internal readonly record struct SafetensorsEntry(string Name, DType DType, long[] Shape, long Start, long End);

/// <summary>
/// Parses the header of a safetensors file: an unsigned 64-bit little-endian length N, N bytes of JSON, then the tensors without holes.
/// Every rule of the format is checked before memory is allocated for a tensor.
/// </summary>
/// <remarks>Format: https://github.com/huggingface/safetensors#format</remarks>
internal sealed class SafetensorsHeader
{
    private const int MaxLength = 100_000_000;
    private const int MaxTensors = 100_000;
    private const int MaxRank = 32;
    private const int MaxNameLength = 4_096;
    private const int MaxMetadata = 16 << 20;

    private readonly string _path;
    private readonly long _fileLength;
    private readonly long _bufferStart;

    private SafetensorsHeader(string path, long fileLength, long bufferStart) =>
        (_path, _fileLength, _bufferStart) = (path, fileLength, bufferStart);

    /// <summary>Entries in the order of the tensors in the file.</summary>
    public List<SafetensorsEntry> Entries { get; } = [];

    public Dictionary<string, string> Metadata { get; } = [];

    /// <summary>Returns the length of the JSON from the first eight bytes.</summary>
    public static int JsonLength(string path, ReadOnlySpan<byte> start, long fileLength)
    {
        if (start.Length < 8)
            throw Corrupt(path, $"it has {start.Length} bytes; its header needs at least 8");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length > MaxLength)
            throw Corrupt(path, $"its header claims {length:N0} bytes; the format allows {MaxLength:N0}");
        if ((long)length > fileLength - 8)
            throw Corrupt(path, $"its header claims {length:N0} bytes, but the file has only {fileLength:N0}");
        return (int)length;
    }

    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long fileLength)
    {
        var header = new SafetensorsHeader(path, fileLength, 8L + json.Length);
        if (json.IsEmpty || json[0] != (byte)'{')
            throw Corrupt(path, "its header is not a JSON object");
        try
        {
            header.ReadObject(json);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string that is not valid UTF-8 or UTF-16.
            throw Corrupt(path, $"its header is not valid JSON ({error.Message})", error);
        }

        header.CheckLayout();
        return header;
    }

    private void ReadObject(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        var names = new HashSet<string>(StringComparer.Ordinal);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueSpan.Length > MaxNameLength)
                throw Corrupt(_path, $"a name in its header is longer than {MaxNameLength:N0} bytes");
            var name = reader.GetString()!;
            if (!names.Add(name))
                throw Corrupt(_path, $"its header names {Quote(name)} twice");
            reader.Read();
            if (name == "__metadata__")
                ReadMetadata(ref reader);
            else
                Entries.Add(ReadEntry(ref reader, name));
            if (Entries.Count > MaxTensors)
                throw Corrupt(_path, $"it holds more than {MaxTensors:N0} tensors");
        }

        while (reader.Read())
        {
            // Utf8JsonReader throws on anything but white space after the object.
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Corrupt(_path, "its __metadata__ is not an object");
        var start = reader.TokenStartIndex;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueSpan.Length > MaxNameLength)
                throw Corrupt(_path, $"a name in its __metadata__ is longer than {MaxNameLength:N0} bytes");
            var key = reader.GetString()!;
            reader.Read();
            if (reader.BytesConsumed - start > MaxMetadata)
                throw Corrupt(_path, $"its __metadata__ is larger than {MaxMetadata:N0} bytes");
            if (reader.TokenType != JsonTokenType.String)
                throw Corrupt(_path, $"its __metadata__ {Quote(key)} is not a string");
            if (!Metadata.TryAdd(key, reader.GetString()!))
                throw Corrupt(_path, $"its __metadata__ names {Quote(key)} twice");
        }
    }

    private SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Corrupt(_path, $"the entry of {Quote(name)} is not an object");
        DType? type = null;
        long[]? shape = null,
            offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("dtype"u8);
            var isShape = reader.ValueTextEquals("shape"u8);
            var isOffsets = reader.ValueTextEquals("data_offsets"u8);
            reader.Read();
            if (isType && type is null)
                type = ReadType(ref reader, name);
            else if (isShape && shape is null)
                shape = ReadIntegers(ref reader, name, "shape", MaxRank);
            else if (isOffsets && offsets is null)
                offsets = ReadIntegers(ref reader, name, "data_offsets", 2);
            else
                throw Corrupt(_path, $"the entry of {Quote(name)} has an unknown or repeated property");
        }

        if (type is not { } known || shape is null || offsets is null || offsets.Length != 2)
            throw Corrupt(_path, $"the entry of {Quote(name)} needs dtype, shape and two data_offsets");
        return Check(name, known, shape, offsets[0], offsets[1]);
    }

    private DType ReadType(ref Utf8JsonReader reader, string name)
    {
        var text = reader.TokenType == JsonTokenType.String && reader.ValueSpan.Length <= 32 ? reader.GetString()! : "";
        return DTypes.TryParse(text, out var type) ? type : throw Corrupt(_path, $"the dtype of {Quote(name)} is unknown: {Quote(text)}");
    }

    private long[] ReadIntegers(ref Utf8JsonReader reader, string name, string property, int maximum)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Corrupt(_path, $"{property} of {Quote(name)} is not a list");
        var values = new List<long>(4);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var value) || value < 0)
                throw Corrupt(_path, $"{property} of {Quote(name)} must be integers from 0 to 2^63 - 1");
            values.Add(value);
            if (values.Count > maximum)
                throw Corrupt(_path, $"{property} of {Quote(name)} has more than {maximum} values");
        }

        return [.. values];
    }

    private SafetensorsEntry Check(string name, DType type, long[] shape, long begin, long end)
    {
        var available = _fileLength - _bufferStart;
        if (begin > end || end > available)
            throw Corrupt(_path, $"{Quote(name)} is at bytes {begin:N0} to {end:N0} of a buffer of {available:N0}");
        UInt128 bits = (uint)type.Bits();
        foreach (var side in shape)
        {
            bits *= (ulong)side;
            if (bits > long.MaxValue)
                throw Corrupt(_path, $"the shape of {Quote(name)} is too large: [{string.Join(", ", shape)}]");
        }

        if (bits % 8 != 0 || (long)(bits / 8) != end - begin)
            throw Corrupt(
                _path,
                $"{Quote(name)} is {type.Name()} [{string.Join(", ", shape)}], which is {(long)bits / 8:N0} bytes, but it has "
                    + $"{end - begin:N0}"
            );
        return new SafetensorsEntry(name, type, shape, _bufferStart + begin, _bufferStart + end);
    }

    /// <summary>Checks that the tensors fill the buffer without holes and overlaps.</summary>
    private void CheckLayout()
    {
        Entries.Sort((a, b) => (a.Start, a.End).CompareTo((b.Start, b.End)));
        var end = _bufferStart;
        foreach (var entry in Entries)
        {
            if (entry.Start != end)
                throw Corrupt(
                    _path,
                    $"{Quote(entry.Name)} {(entry.Start < end ? "overlaps the tensor before it" : "leaves a hole before it")}"
                );
            end = entry.End;
        }

        if (end != _fileLength)
            throw Corrupt(_path, $"its tensors end at byte {end:N0}, but the file has {_fileLength:N0}");
    }

    private static string Quote(string name) => PrintableName.Of(name);

    public static ModelException Corrupt(string path, string reason, Exception? inner = null) =>
        new(ModelFailure.Corrupt, $"{path} is not a valid safetensors file: {reason}. Download or export it again.", inner);
}
