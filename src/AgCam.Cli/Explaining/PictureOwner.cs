using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace AgCam.Cli.Explaining;

/// <summary>
/// Marks a PNG with the image that it belongs to, in a text chunk, so that a later run does not overwrite the picture of another image.
/// The chunk holds a digest of the path, because pictures are shared.
/// </summary>
internal static class PictureOwner
{
    private const int Signature = 8,
        HeaderChunk = 25,
        Frame = 12;

    private static readonly byte[] Start = [.. "tEXtagcam:path\0"u8];

    private static readonly int ChunkLength = Frame - 4 + Start.Length + (2 * Digest.Size);

    /// <summary>Inserts the owner after the header chunk.</summary>
    public static byte[] Mark(ReadOnlySpan<byte> png, Digest owner)
    {
        byte[] typeAndData = [.. Start, .. Encoding.ASCII.GetBytes(owner.ToString())];
        var chunk = new byte[ChunkLength];
        BinaryPrimitives.WriteInt32BigEndian(chunk, typeAndData.Length - 4);
        typeAndData.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(4 + typeAndData.Length), Crc32.HashToUInt32(typeAndData));
        return [.. png[..(Signature + HeaderChunk)], .. chunk, .. png[(Signature + HeaderChunk)..]];
    }

    /// <summary>Returns the owner of a picture; a zero digest for a picture of others, null when there is no file.</summary>
    public static Digest? Of(string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            using var file = File.OpenHandle(path);
            var start = new byte[Signature + HeaderChunk + ChunkLength];
            var read = RandomAccess.Read(file, start, 0);
            var chunk = start.AsSpan(0, read)[Math.Min(read, Signature + HeaderChunk + 4)..];
            return
                chunk.StartsWith(Start)
                && Digest.TryParse(
                    Encoding.ASCII.GetString(chunk.Slice(Start.Length, Math.Min(2 * Digest.Size, chunk.Length - Start.Length))),
                    out var owner
                )
                ? owner
                : default(Digest);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return default(Digest);
        }
    }
}
