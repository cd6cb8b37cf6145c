using System.Buffers.Binary;

namespace AgCam.Pipeline.Records;

/// <summary>The highest logits, highest first: classes and values, 4 bytes each in the store. Enough for label auditing later.</summary>
public sealed class TopLogits
{
    public const int MaxCount = 100;

    private readonly byte[] _packed;

    private TopLogits(byte[] packed) => _packed = packed;

    public int Count => _packed.Length / 4;

    public int Class(int rank) => BinaryPrimitives.ReadUInt16LittleEndian(_packed.AsSpan(4 * rank));

    public float Value(int rank) => (float)BinaryPrimitives.ReadHalfLittleEndian(_packed.AsSpan(4 * rank + 2));

    /// <summary>The class's logit, if it is among the kept ones.</summary>
    public float? Find(int @class)
    {
        for (var rank = 0; rank < Count; rank++)
            if (Class(rank) == @class)
                return Value(rank);
        return null;
    }

    /// <summary>The stored form: for each rank the class as a 16-bit and the logit as a float16 number, both little-endian.</summary>
    public ReadOnlySpan<byte> Packed => _packed;

    /// <exception cref="ArgumentException">Not a stored form: longer than 100 pairs, or not a whole number of them.</exception>
    public static TopLogits FromPacked(byte[] packed) => packed.Length % 4 == 0 && packed.Length <= 4 * MaxCount
        ? new TopLogits(packed)
        : throw new ArgumentException($"Kept logits come in pairs of 4 bytes, at most {MaxCount}; {packed.Length} bytes are neither.", nameof(packed));

    /// <summary>The 100 highest of all the model's logits; equal ones in the order of their classes.</summary>
    /// <param name="logits">[classes]</param>
    /// <exception cref="ArgumentException">More than 65,536 classes: a class would not fit its 16 bits.</exception>
    public static TopLogits From(ReadOnlySpan<float> logits)
    {
        if (logits.Length > ushort.MaxValue + 1)
            throw new ArgumentException($"{logits.Length} classes are more than the 65,536 that the stored form can name.", nameof(logits));
        var highest = new Span<ulong>(new ulong[Math.Min(MaxCount, logits.Length)]); // a heap, the lowest of the kept ones first
        for (var i = 0; i < logits.Length; i++)
        {
            var key = KeyOf(logits[i], i);
            if (i < highest.Length)
                SiftUp(highest, i, key);
            else if (key > highest[0]) // of equal ones the earlier class stays
                SiftDown(highest, key);
        }
        highest.Sort();
        var packed = new byte[4 * highest.Length];
        for (var rank = 0; rank < highest.Length; rank++)
        {
            var @class = ushort.MaxValue - (int)(highest[^(rank + 1)] & ushort.MaxValue);
            BinaryPrimitives.WriteUInt16LittleEndian(packed.AsSpan(4 * rank), (ushort)@class);
            BinaryPrimitives.WriteHalfLittleEndian(packed.AsSpan(4 * rank + 2), (Half)logits[@class]);
        }
        return new TopLogits(packed);
    }

    /// <summary>Orders as the logits do (a NaN below all), then the lower class first: one number to compare.</summary>
    private static ulong KeyOf(float logit, int @class)
    {
        if (float.IsNaN(logit))
            return (ulong)(ushort.MaxValue - @class);
        var bits = BitConverter.SingleToUInt32Bits(logit == 0 ? 0f : logit); // -0 is 0
        var ordered = (int)bits < 0 ? ~bits : bits | 0x80000000;
        return (ulong)ordered << 16 | (uint)(ushort.MaxValue - @class);
    }

    private static void SiftUp(Span<ulong> heap, int at, ulong key)
    {
        for (int parent; at > 0 && key < heap[parent = (at - 1) / 2]; at = parent)
            heap[at] = heap[parent];
        heap[at] = key;
    }

    private static void SiftDown(Span<ulong> heap, ulong key)
    {
        var at = 0;
        for (int child; (child = 2 * at + 1) < heap.Length; at = child)
        {
            if (child + 1 < heap.Length && heap[child + 1] < heap[child])
                child++;
            if (key <= heap[child])
                break;
            heap[at] = heap[child];
        }
        heap[at] = key;
    }
}
