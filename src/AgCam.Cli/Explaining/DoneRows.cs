using System.Text.Json;
using AgCam.Labels;

namespace AgCam.Cli.Explaining;

/// <summary>Row of an earlier run.</summary>
/// <param name="At">Offset of its line.</param>
/// <param name="Explanations">Number of explanations, which is the number of pictures.</param>
/// <param name="Predicted">Class index.</param>
internal readonly record struct DoneRow(long At, int Explanations, int Predicted);

/// <summary>
/// Index of explanations.jsonl: digest and offset of the newest row of each path. Older rows do not count as done, because the pictures on
/// disk belong to the newest.
/// </summary>
internal sealed class DoneRows
{
    // From the path's digest to the row's key, to the digest of a failure's line, or to zeros for a row of another provenance.
    private readonly Dictionary<Digest, (Digest Content, DoneRow Row)> _newest = [];

    /// <summary>Reads the file and leaves it at its end, to append. A truncated last line is dropped.</summary>
    /// <param name="provenances">Provenances whose rows count.</param>
    public static DoneRows Read(FileStream rows, HashSet<Digest> provenances, Func<string, Digest, ImageLabel?, Digest> key)
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

    /// <summary>Returns whether the newest row of the path is exactly this failure.</summary>
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
            var label = row.TryGetProperty("label", out var written) ? Label(written) : null;
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
            return null; // not written by agcam; it is kept
        }
    }

    private static ImageLabel Label(JsonElement label) =>
        new(
            label.GetProperty("given").GetString()!,
            label.GetProperty("class") is { ValueKind: JsonValueKind.Number } index ? index.GetInt32() : null
        );

    private readonly record struct Parsed(bool Failed, string Path, Digest Sha256, ImageLabel? Label, Digest Provenance, DoneRow Row);
}
