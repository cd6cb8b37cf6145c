using System.Runtime.InteropServices;

namespace AgCam.Models;

/// <summary>Stored tensor: number type, shape and little-endian bytes in row-major order.</summary>
public abstract class WeightTensor
{
    protected WeightTensor(DType type, IReadOnlyList<long> shape)
    {
        DType = type;
        Shape = shape;
        ElementCount = shape.Aggregate(1L, (product, side) => checked(product * side));
    }

    public DType DType { get; }

    public IReadOnlyList<long> Shape { get; }

    public long ElementCount { get; }

    public long ByteLength => checked(ElementCount * DType.Bits()) / 8;

    /// <summary>Stored bytes. The span of a tensor in a file is valid only while the file is open.</summary>
    /// <exception cref="ModelException">The tensor has 2 GiB or more, the limit of a span.</exception>
    public abstract ReadOnlySpan<byte> Bytes { get; }

    /// <summary>Returns the values as float32: exact for F32, F16 and BF16, rounded for F64.</summary>
    /// <exception cref="ModelException">The type is not F32, F16, BF16 or F64, or the tensor is too large for an array.</exception>
    public float[] ToFloat32()
    {
        if (!DType.IsWeight())
            throw new ModelException(
                ModelFailure.UnsupportedType,
                $"A tensor of type {DType.Name()} cannot be read as float32: weights are F32, F16, BF16 or F64. Convert the checkpoint."
            );
        ThrowIfTooLarge(ElementCount * sizeof(float));

        var bytes = Bytes;
        var values = new float[ElementCount];
        switch (DType)
        {
            case DType.F32:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
                break;
            case DType.F16:
                var halves = MemoryMarshal.Cast<byte, Half>(bytes);
                for (var i = 0; i < values.Length; i++)
                    values[i] = (float)halves[i];
                break;
            case DType.BF16:
                var upper = MemoryMarshal.Cast<byte, ushort>(bytes); // bfloat16 is the upper half of a float32
                for (var i = 0; i < values.Length; i++)
                    values[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                break;
            case DType.F64:
                var doubles = MemoryMarshal.Cast<byte, double>(bytes);
                for (var i = 0; i < values.Length; i++)
                    values[i] = (float)doubles[i];
                break;
        }

        return values;
    }

    public override string ToString() => $"{DType.Name()} [{string.Join(", ", Shape)}]";

    private protected static void ThrowIfTooLarge(long byteLength)
    {
        if (byteLength > Array.MaxLength)
            throw new ModelException(
                ModelFailure.TensorTooLarge,
                $"A single tensor of {byteLength:N0} bytes is larger than the supported 2 GiB. " + "Split it, or store it as F16 or BF16."
            );
    }
}

/// <summary>Tensor in its own memory.</summary>
public sealed class MemoryTensor(DType type, IReadOnlyList<long> shape, byte[] bytes) : WeightTensor(type, shape)
{
    public override ReadOnlySpan<byte> Bytes => bytes;

    public static MemoryTensor FromFloat32(IReadOnlyList<long> shape, ReadOnlySpan<float> values) =>
        new(DType.F32, shape, MemoryMarshal.AsBytes(values).ToArray());
}

/// <summary>
/// Concatenates tensors along the first dimension, e.g. query, key and value that a checkpoint stores separately. The copy is made on first
/// use of the bytes. Pieces of different number types are joined as float32.
/// </summary>
internal sealed class JoinedTensor(IReadOnlyList<WeightTensor> pieces) : WeightTensor(CommonType(pieces), JoinedShape(pieces))
{
    private readonly Lazy<byte[]> _bytes = new(() => Join(pieces));

    public override ReadOnlySpan<byte> Bytes => _bytes.Value;

    /// <summary>Returns whether the pieces agree in every dimension but the first.</summary>
    public static bool Fits(IReadOnlyList<WeightTensor> pieces) =>
        pieces.All(piece => piece.Shape.Count > 0 && piece.Shape.Skip(1).SequenceEqual(pieces[0].Shape.Skip(1)));

    private static DType CommonType(IReadOnlyList<WeightTensor> pieces) =>
        pieces.All(piece => piece.DType == pieces[0].DType) ? pieces[0].DType : DType.F32;

    private static long[] JoinedShape(IReadOnlyList<WeightTensor> pieces) =>
        [pieces.Sum(piece => piece.Shape[0]), .. pieces[0].Shape.Skip(1)];

    private static byte[] Join(IReadOnlyList<WeightTensor> pieces)
    {
        var type = CommonType(pieces);
        var length = pieces.Sum(piece => checked(piece.ElementCount * type.Bits()) / 8);
        ThrowIfTooLarge(length);
        var joined = new byte[length];
        var rest = joined.AsSpan();
        foreach (var piece in pieces)
        {
            var bytes = piece.DType == type ? piece.Bytes : MemoryMarshal.AsBytes(piece.ToFloat32().AsSpan());
            bytes.CopyTo(rest);
            rest = rest[bytes.Length..];
        }

        return joined;
    }
}

/// <summary>Converts a float64 tensor to float32 on first use.</summary>
internal sealed class NarrowedTensor(WeightTensor wide) : WeightTensor(DType.F32, wide.Shape)
{
    private readonly Lazy<byte[]> _bytes = new(() => MemoryMarshal.AsBytes(wide.ToFloat32().AsSpan()).ToArray());

    public override ReadOnlySpan<byte> Bytes => _bytes.Value;
}
