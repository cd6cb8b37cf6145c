using System.Text.Json;

namespace AgCam.Cli.Explaining;

/// <summary>A row that an earlier run wrote.</summary>
/// <param name="At">Where its line begins.</param>
/// <param name="Explanations">How many it holds: as many pictures were drawn.</param>
/// <param name="Predicted">Class index.</param>
internal readonly record struct DoneRow(long At, int Explanations, int Predicted);

/// <summary>
/// What explanations.jsonl holds from earlier runs: the newest row of each path, as a digest and an offset, never the rows themselves.
/// An older
/// row of a path does not count as done: the pictures on disk are the newest one's.
/// </summary>
internal sealed class DoneRows
{
    // By the path's digest. What the row stands for: its key, the digest of a failure's line, or zeros for a row of another provenance.
    private readonly Dictionary<Digest, (Digest Content, DoneRow Row)> _newest = [];

    /// <summary>
    /// Reads to the end and leaves the file there, ready to be appended to. A last line that a crash cut short is dropped.
    /// </summary>
    /// <param name="provenances">Rows of other provenances do not count.</param>
    public static DoneRows Read(FileStream rows, HashSet<Digest> provenances, Func<string, Digest, int?, Digest> key)
    {
        var done = new DoneRows();
        rows.Position = 0;
        var whole = 0L;
        foreach (var line in JsonLines.Read(rows))
        {
            if (Parse(line.Span, whole) is { } row)
                done._newest[PathDigest(row.Path)] = (
                    row.Failed ? Digest.Of(line.Span)
                    : provenances.Contains(row.Provenance) ? key(row.Path, row.Sha256, row.Label)
                    : default,
                    row.Row
                );
            whole += line.Length + 1;
        }

        rows.SetLength(whole);
        rows.Position = whole;
        return done;
    }

    public DoneRow? Find(string path, Digest key) =>
        _newest.TryGetValue(PathDigest(path), out var newest) && newest.Content == key ? newest.Row : null;

    /// <summary>Is the newest row of the path this failure, word for word?</summary>
    public bool HasFailure(string path, ReadOnlySpan<byte> row) =>
        _newest.TryGetValue(PathDigest(path), out var newest) && newest.Content == Digest.Of(row);

    private static Digest PathDigest(string path) => Digest.Of(System.Text.Encoding.UTF8.GetBytes(path));

    private static Parsed? Parse(ReadOnlySpan<byte> line, long at)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            using var json = JsonDocument.ParseValue(ref reader);
            var row = json.RootElement;
            var path = row.GetProperty("image").GetProperty("path").GetString()!;
            if (row.GetProperty("status").ValueEquals("Failed"))
                return new Parsed(true, path, default, null, default, default);
            int? label = row.TryGetProperty("label", out var given) ? given.GetProperty("class").GetInt32() : null;
            return new Parsed(
                false,
                path,
                Digest.Parse(row.GetProperty("image").GetProperty("sha256").GetString()!),
                label,
                Digest.Parse(row.GetProperty("provenance").GetString()!),
                new DoneRow(
                    at,
                    row.GetProperty("explanations").GetArrayLength(),
                    row.GetProperty("predictions")[0].GetProperty("class").GetInt32()
                )
            );
        }
        catch (Exception broken)
            when (broken
                    is JsonException
                        or KeyNotFoundException
                        or InvalidOperationException
                        or FormatException
                        or IndexOutOfRangeException
            )
        {
            return null; // not ours; it stays where it is
        }
    }

    private readonly record struct Parsed(bool Failed, string Path, Digest Sha256, int? Label, Digest Provenance, DoneRow Row);
}
