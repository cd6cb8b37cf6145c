using System.Buffers.Binary;
using System.Text.Json;
using Xunit;

namespace AgCam.Tests.Preprocessing;

/// <summary>Golden pictures of Pillow: uint8 tensors [height, width, 3] named IMAGE|PREPROCESSING.</summary>
internal sealed class PreprocessGolden
{
    private readonly Dictionary<string, byte[]> _tensors = [];

    private PreprocessGolden()
    {
        byte[] file = File.ReadAllBytes(Fixture.Path("preprocess", "golden_u8.safetensors"));
        int header = checked((int)BinaryPrimitives.ReadInt64LittleEndian(file));
        using var entries = JsonDocument.Parse(file.AsMemory(8, header));
        foreach (var entry in entries.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__"))
        {
            Assert.Equal("U8", entry.Value.GetProperty("dtype").GetString());
            var offsets = entry.Value.GetProperty("data_offsets");
            _tensors[entry.Name] = file[(8 + header + offsets[0].GetInt32())..(8 + header + offsets[1].GetInt32())];
        }
    }

    public static PreprocessGolden Load { get; } = new();

    public IEnumerable<string> Names => _tensors.Keys;

    public byte[] this[string name] => _tensors[name];
}
