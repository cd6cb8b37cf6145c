using System.Buffers;
using System.Security.Cryptography;

namespace AgCam.Pipeline.Stores;

/// <summary>Reads and hashes an upload in pieces, so that memory does not grow with its length.</summary>
/// <param name="maxBytes">Maximum number of bytes.</param>
internal sealed class UploadPieces(Stream content, long maxBytes) : IDisposable
{
    /// <summary>Size in bytes of every piece but the last.</summary>
    public const int Size = 512 << 10;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(16 << 10); // grows up to a piece: most uploads are smaller than that

    /// <summary>Number of bytes read so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>Whether the stream has ended.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>Returns the SHA-256 of all pieces. Call it once, at the end.</summary>
    public Digest Sha256() => new(_hash.GetHashAndReset());

    /// <returns>The next piece, valid until the next call; empty only at the end of a stream of whole pieces.</returns>
    /// <exception cref="ArgumentException">
    /// The stream has more bytes than allowed. At most one piece past them has been read.
    /// </exception>
    public async ValueTask<ArraySegment<byte>> NextAsync(CancellationToken cancellationToken)
    {
        var filled = 0;
        while (filled < Size)
        {
            if (filled == _buffer.Length)
                Grow();
            var read = await content.ReadAsync(_buffer.AsMemory(filled, Math.Min(_buffer.Length, Size) - filled), cancellationToken);
            if (read == 0)
            {
                IsAtEnd = true;
                break;
            }
            filled += read;
        }
        Bytes += filled;
        if (Bytes > maxBytes)
            throw new ArgumentException(
                $"The upload has more than the {maxBytes} bytes that are allowed. Send a smaller image, or raise the limit."
            );
        _hash.AppendData(_buffer, 0, filled);
        return new ArraySegment<byte>(_buffer, 0, filled);
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _hash.Dispose();
    }

    private void Grow()
    {
        var larger = ArrayPool<byte>.Shared.Rent(2 * _buffer.Length);
        _buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
