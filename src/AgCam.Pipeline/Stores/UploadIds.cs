namespace AgCam.Pipeline.Stores;

/// <summary>Builds bounds for the ids of uploads: UUIDs of version 7, which sort by their time of creation.</summary>
internal static class UploadIds
{
    /// <summary>Returns an id that sorts after every earlier upload and before every other one.</summary>
    public static Guid Earliest(DateTimeOffset time)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        Guid.CreateVersion7(time).ToByteArray(bigEndian: true).AsSpan(0, 6).CopyTo(bytes); // 48 bits of milliseconds
        return new Guid(bytes, bigEndian: true);
    }
}
