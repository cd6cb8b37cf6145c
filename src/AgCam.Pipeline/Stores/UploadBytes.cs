namespace AgCam.Pipeline.Stores;

internal static class UploadBytes
{
    /// <exception cref="ArgumentException">The stream has more than <paramref name="maxBytes"/>; no more than one buffer past them has been read.</exception>
    public static async Task<byte[]> ReadAsync(Stream content, long maxBytes, CancellationToken cancel)
    {
        using var kept = new MemoryStream();
        var buffer = new byte[81920];
        int read;
        while ((read = await content.ReadAsync(buffer, cancel)) > 0)
        {
            if (kept.Length + read > maxBytes)
                throw new ArgumentException($"The upload has more than the {maxBytes} bytes that are allowed. Send a smaller image, or raise the limit.", nameof(content));
            kept.Write(buffer, 0, read);
        }
        return kept.ToArray();
    }
}
