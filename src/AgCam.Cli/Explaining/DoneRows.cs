using System.Text.Json;

namespace AgCam.Cli.Explaining;

/// <summary>What explanations.jsonl holds from earlier runs: a digest and an offset for each row, never the rows themselves.</summary>
internal sealed class DoneRows
{
    private readonly Dictionary<Digest, long> _offsets = [];
    private readonly HashSet<Digest> _failures = [];

    public int Count => _offsets.Count;

    /// <summary>Reads to the end and leaves the file there, ready to be appended to. A last line that a crash cut short is dropped.</summary>
    /// <param name="provenances">Rows of other provenances do not count.</param>
    public static DoneRows Read(FileStream rows, HashSet<Digest> provenances, Func<string, Digest, int?, Digest> key)
    {
        var done = new DoneRows();
        rows.Position = 0;
        var whole = 0L;
        foreach (var line in Lines(rows))
        {
            if (Parse(line.Span) is { } row)
            {
                if (row.Failed)
                    done._failures.Add(Digest.Of(line.Span));
                else if (provenances.Contains(row.Provenance))
                    done._offsets[key(row.Path, row.Sha256, row.Label)] = whole;
            }

            whole += line.Length + 1;
        }

        rows.SetLength(whole);
        rows.Position = whole;
        return done;
    }

    public long? Find(Digest key) => _offsets.TryGetValue(key, out var at) ? at : null;

    public bool HasFailure(ReadOnlySpan<byte> row) => _failures.Contains(Digest.Of(row));

    public byte[] ReadRow(FileStream rows, long at)
    {
        // By position, beside the stream that appends.
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

    private static IEnumerable<ReadOnlyMemory<byte>> Lines(FileStream rows)
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

    private static (bool Failed, string Path, Digest Sha256, int? Label, Digest Provenance)? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            using var json = JsonDocument.ParseValue(ref reader);
            var row = json.RootElement;
            var path = row.GetProperty("image").GetProperty("path").GetString()!;
            if (row.GetProperty("status").ValueEquals("Failed"))
                return (true, path, default, null, default);
            int? label = row.TryGetProperty("label", out var given) ? given.GetProperty("class").GetInt32() : null;
            return (false, path, Digest.Parse(row.GetProperty("image").GetProperty("sha256").GetString()!), label, Digest.Parse(row.GetProperty("provenance").GetString()!));
        }
        catch (Exception broken) when (broken is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null; // not ours; it stays where it is
        }
    }
}
