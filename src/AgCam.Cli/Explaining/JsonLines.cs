namespace AgCam.Cli.Explaining;

/// <summary>Reads the lines of a file as bytes and holds one at a time.</summary>
internal static class JsonLines
{
    /// <summary>Reads from the current position. Text after the last line end is skipped. A line is valid until the next is read.</summary>
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

    /// <summary>Reads the line at an offset, independently of the appending stream.</summary>
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
