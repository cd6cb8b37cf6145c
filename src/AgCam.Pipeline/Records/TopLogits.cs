using System.Buffers.Binary;

namespace AgCam.Pipeline.Records;

/// <summary>The highest logits with their classes, highest first. 6 bytes per pair in the store.</summary>
public sealed class TopLogits
{
    public const int MaxCount = 100;

    /// <summary>Number type of the logits.</summary>
    public const string Dtype = "float32";

    /// <summary>A 16-bit class and a float32 logit.</summary>
    private const int PairBytes = 6;

    private readonly byte[] _packed;

    private TopLogits(byte[] packed) => _packed = packed;

    public int Count => _packed.Length / PairBytes;

    /// <summary>Returns the class at a rank, from 0.</summary>
    public int Class(int rank) => BinaryPrimitives.ReadUInt16LittleEndian(_packed.AsSpan(PairBytes * rank));

    /// <summary>Returns the logit at a rank, from 0.</summary>
    public float Value(int rank) => BinaryPrimitives.ReadSingleLittleEndian(_packed.AsSpan(PairBytes * rank + 2));

    /// <summary>Returns the logit of a class. Null when it is not among the kept ones.</summary>
    public float? Find(int @class)
    {
        for (var rank = 0; rank < Count; rank++)
            if (Class(rank) == @class)
                return Value(rank);
        return null;
    }

    /// <summary>Stored form: per rank the class as uint16 and the logit as float32, both little-endian.</summary>
    public ReadOnlySpan<byte> Packed => _packed;

    /// <summary>Reads the stored form.</summary>
    /// <exception cref="ArgumentException">The length is no multiple of 6 bytes, or there are more than 100 pairs.</exception>
    public static TopLogits FromPacked(byte[] packed) =>
        packed.Length % PairBytes == 0 && packed.Length <= PairBytes * MaxCount
            ? new TopLogits(packed)
            : throw new ArgumentException(
                $"Kept logits come in pairs of {PairBytes} bytes, at most {MaxCount}; {packed.Length} bytes are neither.",
                nameof(packed)
            );

    /// <summary>Keeps the 100 highest logits of a model's output. Equal logits are in the order of their classes.</summary>
    /// <param name="logits">[classes], float32</param>
    /// <exception cref="ArgumentException">There are more than 65,536 classes, which 16 bits cannot index.</exception>
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

    /// <summary>Maps a logit to an integer with the same order. NaN is the lowest.</summary>
    private static uint OrderOf(float logit)
    {
        if (float.IsNaN(logit))
            return 0;
        var bits = BitConverter.SingleToUInt32Bits(logit + 0f); // -0 is 0
        return (int)bits < 0 ? ~bits : bits | 0x80000000;
    }
}
