using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace AgCam.Scenes.Training;

/// <summary>Writes tensors as float16 in the safetensors format: a length (u64, little-endian), a JSON header padded to 8 bytes, the values.</summary>
internal static class HalfSafetensors
{
    /// <summary>A reader sees the old file or the whole new one, never a part.</summary>
    public static void Write(string path, IEnumerable<(string Name, Tensor Value)> tensors)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        using var body = new MemoryStream();
        foreach (var (name, value) in tensors)
        {
            using var half = value.to(ScalarType.Float16).contiguous();
            var start = body.Length;
            body.Write(MemoryMarshal.AsBytes<Half>(half.data<Half>().ToArray()));
            header[name] = new JsonObject
            {
                ["dtype"] = "F16",
                ["shape"] = new JsonArray([.. half.shape.Select(length => JsonValue.Create(length))]),
                ["data_offsets"] = new JsonArray(start, body.Length),
            };
        }
        var text = JsonSerializer.SerializeToUtf8Bytes(header);
        var padded = new byte[8 + (text.Length + 7) / 8 * 8];
        padded.AsSpan(8).Fill((byte)' ');
        text.CopyTo(padded, 8);
        BinaryPrimitives.WriteInt64LittleEndian(padded, padded.Length - 8);

        var partial = path + ".partial";
        using (var file = File.Create(partial))
        {
            file.Write(padded);
            body.WriteTo(file);
        }
        File.Move(partial, path, overwrite: true);
    }
}
