namespace AgCam.Pipeline.References;

/// <summary>Reads streams of unknown length into memory.</summary>
internal static class BoundedRead
{
    private const int BufferSize = 81920;

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="maximum">Maximum number of bytes.</param>
    /// <param name="expected">Probable number of bytes, for the first allocation.</param>
    /// <returns>Null when the stream has more than the maximum; it is then not read further.</returns>
    public static async Task<byte[]?> ToEndAsync(Stream stream, long maximum, CancellationToken cancellationToken, long expected = 0)
    {
        using var content = new MemoryStream((int)Math.Clamp(expected, 0, maximum));
        var buffer = new byte[Math.Min(BufferSize, maximum + 1)];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (content.Length + read > maximum)
                return null;
            content.Write(buffer, 0, read);
        }
        return content.ToArray();
    }
}
