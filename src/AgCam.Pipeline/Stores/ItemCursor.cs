using System.Buffers.Binary;
using System.Buffers.Text;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// Marks where a page ended: sort value and key of its last item, and a hash of the query, since a cursor serves that query
/// only. 36 bytes as base64url, opaque to callers.
/// </summary>
internal readonly record struct ItemCursor(double Value, Guid Job, int Number)
{
    private const int Size = 8 + 8 + 16 + 4;

    public static ItemCursor After(ItemIndex index, Item item) =>
        new(
            index.Sort switch
            {
                ItemSort.Probability => (double)item.Probability!.Value,
                ItemSort.LabelProbability => (double)item.LabelProbability!.Value,
                ItemSort.Time => item.Time.ToUnixTimeMilliseconds(),
                _ => 0,
            },
            item.Job,
            item.Number
        );

    public string Encode(ItemQuery query)
    {
        Span<byte> bytes = stackalloc byte[Size];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Mark(query));
        BinaryPrimitives.WriteDoubleBigEndian(bytes[8..], Value);
        Job.TryWriteBytes(bytes[16..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt32BigEndian(bytes[32..], Number);
        return Base64Url.EncodeToString(bytes);
    }

    /// <exception cref="StoreQueryException">The cursor does not belong to this query.</exception>
    public static ItemCursor? Decode(ItemQuery query)
    {
        if (query.Cursor is not { } text)
            return null;
        Span<byte> bytes = stackalloc byte[Size];
        if (!CursorText.TryDecode(text, bytes) || BinaryPrimitives.ReadUInt64BigEndian(bytes) != Mark(query))
            throw new CursorException(
                "The cursor does not belong to this list. Keep the filters and the sort of the page that it came with, or start again "
                    + "without the cursor."
            );
        return new ItemCursor(
            BinaryPrimitives.ReadDoubleBigEndian(bytes[8..]),
            new Guid(bytes.Slice(16, 16), bigEndian: true),
            BinaryPrimitives.ReadInt32BigEndian(bytes[32..])
        );
    }

    private static ulong Mark(ItemQuery query) =>
        CursorText.Mark(
            ItemIndex.For(query).Name,
            query.Descending,
            query.Job,
            query.Status,
            query.Model,
            query.Predicted,
            query.Label,
            query.LabelClass,
            query.Correct,
            query.Explanation
        );
}
