namespace AgCam.Cli.Explaining;

/// <summary>Lines of a file, as bytes, without ever holding more than one.</summary>
internal static class JsonLines
{
    /// <summary>
    /// From the stream's position; what stands behind the last line end is left out. A line is valid until the next is asked for.
    /// </summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Read(FileStream rows)
    {
        var buffer = new byte[1 << 16];
        var filled = 0;
        int read;
        while ((read = rows.Read(buffer, filled, buffer.Length - filled)) > 0)
        {
            filled += read;
            var start = 0;
            for (int end; (end = buffer.AsSpan(start, filled - start).IndexOf((byte)'\n')) >= 0; start += end + 1)
                yield return buffer.AsMemory(start, end);
            buffer.AsSpan(start, filled - start).CopyTo(buffer);
            filled -= start;
            if (filled == buffer.Length)
                Array.Resize(ref buffer, 2 * buffer.Length);
        }
    }

    /// <summary>The line that begins there, read by position beside the stream that appends.</summary>
    public static byte[] ReadAt(FileStream rows, long at)
    {
        var row = new List<byte>();
        var buffer = new byte[4096];
        while (RandomAccess.Read(rows.SafeFileHandle, buffer, at + row.Count) is > 0 and var read)
        {
            var end = buffer.AsSpan(0, read).IndexOf((byte)'\n');
            row.AddRange(buffer.AsSpan(0, end < 0 ? read : end));
            if (end >= 0)
                break;
        }

        return [.. row];
    }
}
