using System.Text.Json;
using AgCam.Native;
using static TorchSharp.torch;

namespace AgCam.Testing;

/// <summary>Reads a golden .safetensors file as torch tensors, independently of the product's reader.</summary>
internal sealed class Golden
{
    private readonly Dictionary<string, Tensor> _tensors = [];

    static Golden() => NativeBackend.Load();

    public Golden(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var header = (int)BitConverter.ToUInt64(bytes);
        using var json = JsonDocument.Parse(bytes.AsMemory(8, header));
        foreach (var entry in json.RootElement.EnumerateObject().Where(e => e.Name != "__metadata__"))
        {
            var dtype = entry.Value.GetProperty("dtype").GetString() switch
            {
                "F32" => ScalarType.Float32,
                "F16" => ScalarType.Float16,
                "BF16" => ScalarType.BFloat16,
                "I64" => ScalarType.Int64,
                "I32" => ScalarType.Int32,
                "U8" => ScalarType.Byte,
                var other => throw new InvalidDataException(other),
            };
            var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64()).ToArray();
            var offsets = entry.Value.GetProperty("data_offsets").EnumerateArray().Select(n => n.GetInt32()).ToArray();
            var tensor = empty(shape, dtype).DetachFromDisposeScope();
            bytes.AsSpan(8 + header + offsets[0], offsets[1] - offsets[0]).CopyTo(tensor.bytes);
            _tensors[entry.Name] = tensor;
        }
    }

    public IEnumerable<string> Names => _tensors.Keys;

    public Tensor this[string name] => _tensors[name];

    public bool Has(string name) => _tensors.ContainsKey(name);

    /// <summary>||a - b|| / ||b||</summary>
    public static double RelativeError(Tensor actual, Tensor expected) =>
        ((actual.to(float64) - expected.to(float64)).norm() / expected.to(float64).norm()).item<double>();
}
