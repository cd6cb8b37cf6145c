namespace AgCam.Pipeline.Stores;

/// <summary>The ids of uploads are UUIDs of version 7: they begin with the time of creation and sort by it.</summary>
internal static class UploadIds
{
    /// <summary>Returns an id that sorts before every upload's of this time or later, and after all earlier ones.</summary>
    public static Guid Earliest(DateTimeOffset time)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        Guid.CreateVersion7(time).ToByteArray(bigEndian: true).AsSpan(0, 6).CopyTo(bytes); // 48 bits of milliseconds
        return new Guid(bytes, bigEndian: true);
    }
}
