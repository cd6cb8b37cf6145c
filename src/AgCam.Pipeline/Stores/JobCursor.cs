using System.Buffers.Binary;
using System.Buffers.Text;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>Where a page of jobs ended. Opaque to callers: 24 bytes as base64url.</summary>
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

    /// <summary>Checks the query's limit on the way.</summary>
    /// <exception cref="StoreQueryException">Not a cursor of a list of jobs, or a limit out of range.</exception>
    public static JobCursor? Decode(JobQuery query)
    {
        if (query.Limit is < 1 or > ItemQuery.MaxLimit)
            throw new StoreQueryException($"A page has 1 to {ItemQuery.MaxLimit} jobs, not {query.Limit}.");
        if (query.Cursor is not { } text)
            return null;
        Span<byte> bytes = stackalloc byte[Size];
        if (text.Length != Base64Url.GetEncodedLength(Size) || !Base64Url.IsValid(text) || Base64Url.DecodeFromChars(text, bytes) != Size)
            throw new CursorException("The cursor does not belong to a list of jobs. Start again without the cursor.");
        return new JobCursor(BinaryPrimitives.ReadInt64BigEndian(bytes), new Guid(bytes[8..], bigEndian: true));
    }
}
