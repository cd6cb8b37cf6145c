using System.Buffers.Binary;

namespace AgCam.Pipeline.Records;

/// <summary>The highest logits, highest first: classes and values, 6 bytes each in the store.</summary>
public sealed class TopLogits
{
    public const int MaxCount = 100;

    /// <summary>A 16-bit class and a float32 logit.</summary>
    private const int PairBytes = 6;

    private readonly byte[] _packed;

    private TopLogits(byte[] packed) => _packed = packed;

    public int Count => _packed.Length / PairBytes;

    public int Class(int rank) => BinaryPrimitives.ReadUInt16LittleEndian(_packed.AsSpan(PairBytes * rank));

    public float Value(int rank) => BinaryPrimitives.ReadSingleLittleEndian(_packed.AsSpan(PairBytes * rank + 2));

    /// <summary>The class's logit, if it is among the kept ones.</summary>
    public float? Find(int @class)
    {
        for (var rank = 0; rank < Count; rank++)
            if (Class(rank) == @class)
                return Value(rank);
        return null;
    }

    /// <summary>The stored form: for each rank the class as a 16-bit and the logit as a float32 number, both little-endian.</summary>
    public ReadOnlySpan<byte> Packed => _packed;

    /// <exception cref="ArgumentException">Not a stored form: longer than 100 pairs, or not a whole number of them.</exception>
    public static TopLogits FromPacked(byte[] packed) =>
        packed.Length % PairBytes == 0 && packed.Length <= PairBytes * MaxCount
            ? new TopLogits(packed)
            : throw new ArgumentException(
                $"Kept logits come in pairs of {PairBytes} bytes, at most {MaxCount}; {packed.Length} bytes are neither.",
                nameof(packed)
            );

    /// <summary>The 100 highest of all the model's logits; equal ones in the order of their classes.</summary>
    /// <param name="logits">[classes]</param>
    /// <exception cref="ArgumentException">More than 65,536 classes: a class would not fit its 16 bits.</exception>
    public static TopLogits From(ReadOnlySpan<float> logits)
    {
        if (logits.Length > ushort.MaxValue + 1)
            throw new ArgumentException($"{logits.Length} classes are more than the 65,536 that the stored form can name.", nameof(logits));
        var highest = new PriorityQueue<int, ulong>(MaxCount + 1); // the lowest comes out first
        for (var @class = 0; @class < logits.Length; @class++)
        {
            var key = (ulong)OrderOf(logits[@class]) << 16 | (uint)(ushort.MaxValue - @class); // the lower class first among equals
            if (highest.Count < MaxCount)
                highest.Enqueue(@class, key);
            else
                highest.EnqueueDequeue(@class, key);
        }
        var packed = new byte[PairBytes * highest.Count];
        while (highest.TryDequeue(out var @class, out _))
        {
            var rank = highest.Count;
            BinaryPrimitives.WriteUInt16LittleEndian(packed.AsSpan(PairBytes * rank), (ushort)@class);
            BinaryPrimitives.WriteSingleLittleEndian(packed.AsSpan(PairBytes * rank + 2), logits[@class]);
        }
        return new TopLogits(packed);
    }

    /// <summary>Orders as the logits do, a NaN below all.</summary>
    private static uint OrderOf(float logit)
    {
        if (float.IsNaN(logit))
            return 0;
        var bits = BitConverter.SingleToUInt32Bits(logit + 0f); // -0 is 0
        return (int)bits < 0 ? ~bits : bits | 0x80000000;
    }
}
