using System.Buffers.Binary;
using System.Buffers.Text;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// Marks where a page of findings ended: a hash of the query, since a cursor serves that query only, and the last number. 12 bytes as
/// base64url, opaque to callers.
/// </summary>
internal static class FindingCursor
{
    private const int Size = 8 + 4;

    public static string Encode(FindingQuery query, int last)
    {
        Span<byte> bytes = stackalloc byte[Size];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Mark(query));
        BinaryPrimitives.WriteInt32BigEndian(bytes[8..], last);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>Checks the query, and returns the number after which the page begins.</summary>
    /// <exception cref="StoreQueryException">The limit is out of range, or the cursor does not belong to the query.</exception>
    public static int Decode(FindingQuery query)
    {
        if (query.Limit is < 1 or > ItemQuery.MaxLimit)
            throw new StoreQueryException($"A page has 1 to {ItemQuery.MaxLimit} findings, not {query.Limit}.");
        if (query.Cursor is not { } text)
            return -1;
        Span<byte> bytes = stackalloc byte[Size];
        if (!CursorText.TryDecode(text, bytes) || BinaryPrimitives.ReadUInt64BigEndian(bytes) != Mark(query))
            throw new CursorException(
                "The cursor does not belong to this list of findings. Keep the filters of the page that it came with, or start again "
                    + "without the cursor."
            );
        return BinaryPrimitives.ReadInt32BigEndian(bytes[8..]);
    }

    private static ulong Mark(FindingQuery query) => CursorText.Mark(query.Job, query.Finding, query.Class, query.Image, query.OnlyIssues);
}
