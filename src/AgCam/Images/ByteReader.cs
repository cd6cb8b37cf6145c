using System.Buffers.Binary;

namespace AgCam.Images;

/// <summary>Reads an encoded image sequentially. A read beyond its end is reported as a corrupt image.</summary>
internal ref struct ByteReader(ReadOnlySpan<byte> bytes, string format)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly int Left => _bytes.Length - Position;

    public byte Byte() => Take(1)[0];

    public int UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    /// <exception cref="ImageException">corrupt: fewer bytes are left.</exception>
    public ReadOnlySpan<byte> Take(int count)
    {
        if (count > Left)
            throw new ImageException(
                ImageFailure.Corrupt,
                $"The {format} data ends at byte {_bytes.Length}, in the middle of the picture."
            );
        var taken = _bytes.Slice(Position, count);
        Position += count;
        return taken;
    }

    /// <exception cref="ImageException">corrupt: the position lies outside the data.</exception>
    public void MoveTo(long position)
    {
        if (position < 0 || position > _bytes.Length)
            throw new ImageException(ImageFailure.Corrupt, $"The {format} header points to byte {position} of {_bytes.Length}.");
        Position = (int)position;
    }
}
