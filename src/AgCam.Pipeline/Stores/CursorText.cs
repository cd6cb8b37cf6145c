using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;

namespace AgCam.Pipeline.Stores;

/// <summary>Decodes cursors, which are bytes as base64url, and marks them with the query that they belong to.</summary>
internal static class CursorText
{
    /// <summary>Decodes a cursor of exactly the length of <paramref name="bytes"/>.</summary>
    public static bool TryDecode(string text, Span<byte> bytes) =>
        text.Length == Base64Url.GetEncodedLength(bytes.Length)
        && Base64Url.IsValid(text)
        && Base64Url.DecodeFromChars(text, bytes) == bytes.Length;

    /// <summary>Returns a hash of a query's values, in the order given.</summary>
    public static ulong Mark(params ReadOnlySpan<object?> query)
    {
        Span<byte> bytes = stackalloc byte[Digest.Size];
        Digest.Of(Encoding.UTF8.GetBytes(string.Join('\n', query))).CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }
}
