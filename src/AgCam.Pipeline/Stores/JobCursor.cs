using System.Buffers.Binary;
using System.Buffers.Text;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>Marks where a page of jobs ended: 24 bytes as base64url, opaque to callers.</summary>
internal readonly record struct JobCursor(long Created, Guid Id)
{
    private const int Size = 8 + 16;

    public static JobCursor After(Job job) => new(job.Created.ToUnixTimeMilliseconds(), job.Id);

    public string Encode()
    {
        Span<byte> bytes = stackalloc byte[Size];
        BinaryPrimitives.WriteInt64BigEndian(bytes, Created);
        Id.TryWriteBytes(bytes[8..], bigEndian: true, out _);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>Decodes the query's cursor and checks its limit.</summary>
    /// <exception cref="StoreQueryException">
    /// The cursor does not belong to a list of jobs, or the limit is out of range.
    /// </exception>
    public static JobCursor? Decode(JobQuery query)
    {
        if (query.Limit is < 1 or > ItemQuery.MaxLimit)
            throw new StoreQueryException($"A page has 1 to {ItemQuery.MaxLimit} jobs, not {query.Limit}.");
        if (query.Cursor is not { } text)
            return null;
        Span<byte> bytes = stackalloc byte[Size];
        if (!CursorText.TryDecode(text, bytes))
            throw new CursorException("The cursor does not belong to a list of jobs. Start again without the cursor.");
        return new JobCursor(BinaryPrimitives.ReadInt64BigEndian(bytes), new Guid(bytes[8..], bigEndian: true));
    }
}
