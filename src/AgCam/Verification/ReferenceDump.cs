using System.Runtime.InteropServices;
using AgCam.Models;
using AgCam.Models.Safetensors;

namespace AgCam.Verification;

/// <summary>
/// Reads another program's results for the same model from a safetensors file: <c>image</c> [H, W, 3] or [B, H, W, 3] uint8 (optional),
/// <c>input</c> [B, 3, h, w], <c>logits</c> [B, classes], and optionally <c>targets</c> [B, K] int64 with <c>agcam</c>
/// [B, K, rows, columns]. The script in docs/python.md writes such a file.
/// </summary>
internal sealed class ReferenceDump : IDisposable
{
    private readonly SafetensorsFile _file;

    public ReferenceDump(string path)
    {
        _file = SafetensorsFile.Open(path);
        foreach (var required in new[] { "input", "logits" })
            if (!_file.Tensors.ContainsKey(required))
            {
                _file.Dispose();
                throw new ModelException(
                    ModelFailure.BadConfiguration,
                    $"{path} has no tensor \"{required}\". A reference holds input and logits, and optionally image, targets and agcam. "
                        + "Make it with the script in docs/python.md."
                );
            }
    }

    public bool Has(string name) => _file.Tensors.ContainsKey(name);

    public long[] Shape(string name) => [.. _file.Tensors[name].Shape];

    public float[] Floats(string name) => _file.Tensors[name].ToFloat32();

    public byte[] Bytes(string name) => Of(name, DType.U8).ToArray();

    public long[] Integers(string name) =>
        _file.Tensors[name].DType == DType.I32
            ? [.. MemoryMarshal.Cast<byte, int>(_file.Tensors[name].Bytes).ToArray().Select(value => (long)value)]
            : MemoryMarshal.Cast<byte, long>(Of(name, DType.I64)).ToArray();

    /// <exception cref="ModelException">The tensor has another shape; -1 stands for any length.</exception>
    public void Require(string name, string meaning, params long[] shape)
    {
        var actual = Shape(name);
        if (actual.Length != shape.Length || actual.Zip(shape).Any(pair => pair.Second >= 0 && pair.First != pair.Second))
            throw new ModelException(
                ModelFailure.KeysDoNotMatch,
                $"\"{name}\" of {_file.Path} is [{string.Join(", ", actual)}], but {meaning} is "
                    + $"[{string.Join(", ", shape.Select(side => side < 0 ? "any" : side.ToString()))}]. "
                    + "Was the reference made with the same model?"
            );
    }

    public void Dispose() => _file.Dispose();

    private ReadOnlySpan<byte> Of(string name, DType type) =>
        _file.Tensors[name] is var tensor && tensor.DType == type
            ? tensor.Bytes
            : throw new ModelException(
                ModelFailure.UnsupportedType,
                $"\"{name}\" of {_file.Path} is {tensor.DType.Name()}; {type.Name()} is needed."
            );
}
