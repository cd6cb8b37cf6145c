using System.Buffers.Binary;
using System.Text.Json;

namespace AgCam.Models.Safetensors;

/// <summary>Writes a safetensors file whole or not at all.</summary>
public static class SafetensorsWriter
{
    /// <summary>Writes tensors in a fixed order, widest number type first, then by name, which aligns every tensor.</summary>
    /// <param name="tensors">Tensors by name; at least one.</param>
    /// <param name="metadata">Metadata of the header, e.g. format: pt, which Python's loaders require.</param>
    public static void Write(
        string path,
        IReadOnlyDictionary<string, WeightTensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null
    )
    {
        var ordered = tensors.OrderByDescending(pair => pair.Value.DType.Bits()).ThenBy(pair => pair.Key, StringComparer.Ordinal).ToList();
        var header = Header(ordered, metadata);
        using var file = new AtomicFile(path);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        file.Stream.Write(length);
        file.Stream.Write(header);
        foreach (var (_, tensor) in ordered)
            file.Stream.Write(tensor.Bytes);
        file.Commit();
    }

    private static byte[] Header(IReadOnlyList<KeyValuePair<string, WeightTensor>> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }

            var start = 0L;
            foreach (var (name, tensor) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", tensor.DType.Name());
                WriteIntegers("shape", tensor.Shape);
                WriteIntegers("data_offsets", [start, start + tensor.ByteLength]);
                json.WriteEndObject();
                start += tensor.ByteLength;
            }

            json.WriteEndObject();

            void WriteIntegers(string name, IEnumerable<long> values)
            {
                json.WriteStartArray(name);
                foreach (var value in values)
                    json.WriteNumberValue(value);
                json.WriteEndArray();
            }
        }

        while (buffer.Length % 8 != 0) // the first tensor starts at a multiple of 8
            buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }
}
