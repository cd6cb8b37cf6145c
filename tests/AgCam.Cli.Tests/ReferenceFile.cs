using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using AgCam.Images;
using AgCam.Models;

namespace AgCam.Cli.Tests;

/// <summary>Writes reference dumps independently of the product.</summary>
internal static class ReferenceFile
{
    /// <summary>Writes a golden file in which every value of one tensor is 3 % off.</summary>
    public static void Write(string path, string golden, string spoilt)
    {
        var bytes = File.ReadAllBytes(golden);
        var header = (int)BitConverter.ToUInt64(bytes);
        using var json = JsonDocument.Parse(bytes.AsMemory(8, header));
        var offsets = json.RootElement.GetProperty(spoilt).GetProperty("data_offsets");
        var (start, end) = (offsets[0].GetInt32(), offsets[1].GetInt32());
        foreach (ref var value in MemoryMarshal.Cast<byte, float>(bytes.AsSpan(8 + header + start, end - start)))
            value *= 1.03f;
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>Writes a picture with prepared pixels and arbitrary logits: only the first stage can agree.</summary>
    /// <param name="shift">Levels added to every prepared pixel.</param>
    public static string OfPicture(string path, Checkpoint checkpoint, int shift)
    {
        var (width, height) = (70, 90);
        var picture = new RgbImage(width, height, [.. Enumerable.Range(0, width * height * 3).Select(i => (byte)(i * 7 % 200))]);
        var preprocessor = new AgCam.Preprocessing.Preprocessor(checkpoint.Preprocessing);
        var prepared = preprocessor.Apply(picture);
        var input = new float[prepared.Pixels.Length];
        preprocessor.Normalize([.. prepared.Pixels.Select(level => (byte)(level + shift))], input);
        Save(
            path,
            ("image", "U8", [height, width, 3], picture.Pixels),
            ("input", "F32", [1, 3, prepared.Height, prepared.Width], MemoryMarshal.AsBytes(input.AsSpan()).ToArray()),
            ("logits", "F32", [1, checkpoint.Config.Classes], new byte[4 * checkpoint.Config.Classes])
        );
        return path;
    }

    private static void Save(string path, params (string Name, string Type, int[] Shape, byte[] Bytes)[] tensors)
    {
        var header = new Dictionary<string, object>();
        var at = 0;
        foreach (var (name, type, shape, bytes) in tensors)
        {
            header[name] = new
            {
                dtype = type,
                shape,
                data_offsets = new[] { at, at + bytes.Length },
            };
            at += bytes.Length;
        }

        var json = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(header));
        using var file = File.Create(path);
        file.Write(BitConverter.GetBytes((ulong)json.Length));
        file.Write(json);
        foreach (var tensor in tensors)
            file.Write(tensor.Bytes);
    }
}
