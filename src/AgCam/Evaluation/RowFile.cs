using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgCam.Evaluation.Datasets;
using AgCam.Metrics;

namespace AgCam.Evaluation;

/// <summary>
/// Rows as JSON lines: the header, a line for each image, and an end that says how many there are, so that a cut file is noticed.
/// </summary>
public static class RowFile
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters =
        {
            new JsonStringEnumConverter<MetricFamily>(JsonNamingPolicy.CamelCase),
            new JsonStringEnumConverter<Parity>(JsonNamingPolicy.CamelCase),
            new HitsAsText(),
            new ShardAsText(),
        },
    };

    public static void WriteHeader(TextWriter to, EvaluationHeader header) => to.WriteLine(Line(header));

    public static void WriteRow(TextWriter to, ImageRow row) => to.WriteLine(Line(row));

    public static void WriteEnd(TextWriter to, long rows) => to.WriteLine(EndLine(rows));

    /// <summary>Without its line end, as all of these.</summary>
    public static string Line(EvaluationHeader header) => JsonSerializer.Serialize(new AnyLine { Evaluation = header }, Format);

    /// <inheritdoc cref="Line(EvaluationHeader)"/>
    public static string Line(ImageRow row) => JsonSerializer.Serialize(new AnyLine { Row = row }, Format);

    /// <inheritdoc cref="Line(EvaluationHeader)"/>
    public static string EndLine(long rows) => JsonSerializer.Serialize(new AnyLine { End = rows }, Format);

    /// <summary>Reads a file into tables, or begins tables with it.</summary>
    /// <exception cref="DatasetException">It is no such file, it was cut short, or its rows do not belong to the tables.</exception>
    public static EvaluationTables Read(string path, EvaluationTables? into = null)
    {
        var (tables, rows, number) = (into, 0L, 0L);
        long? end = null;
        try
        {
            using var reader = new StreamReader(path);
            while (reader.ReadLine() is { } text)
            {
                var line = JsonSerializer.Deserialize<AnyLine>(text, Format);
                number++;
                if (number == 1)
                {
                    var header =
                        line?.Evaluation ?? throw new DatasetException($"{path} holds no rows of an evaluation: --rows writes them.");
                    if (header.Version != EvaluationHeader.CurrentVersion)
                        throw new DatasetException(
                            $"{path} has rows of version {header.Version}; this program reads version "
                                + $"{EvaluationHeader.CurrentVersion}. Evaluate again."
                        );
                    (tables ??= new EvaluationTables(header)).Join(header, path);
                }
                else if (line?.Evaluation is { } again)
                {
                    tables!.Join(again, path); // a job's workers that measure otherwise: their rows begin anew
                }
                else if (line?.Row is { } row)
                {
                    tables!.Add(row);
                    rows++;
                }
                else
                {
                    end = line?.End;
                }
            }
        }
        catch (Exception error) when (error is JsonException or FormatException or ArgumentException)
        {
            throw new DatasetException($"{path}, line {number + 1}: {error.Message}", error);
        }

        return end == rows ? tables! : throw new DatasetException($"{path} was cut short after {rows} rows: evaluate that shard again.");
    }

    /// <summary>
    /// What an interrupted evaluation left: its rows, and the length in bytes of the part that is whole. Null where there is no such
    /// file or
    /// it was finished.
    /// </summary>
    /// <exception cref="DatasetException">The file holds something else, or rows of another evaluation.</exception>
    public static (IReadOnlyList<ImageRow> Rows, long Length)? Unfinished(string path, EvaluationHeader header)
    {
        if (!File.Exists(path))
            return null;
        var bytes = File.ReadAllBytes(path);
        var (rows, start) = (new List<ImageRow>(), 0);
        for (var end = Array.IndexOf(bytes, (byte)'\n'); end >= 0; end = Array.IndexOf(bytes, (byte)'\n', start))
        {
            AnyLine? line;
            try
            {
                line = JsonSerializer.Deserialize<AnyLine>(bytes.AsSpan(start, end - start), Format);
            }
            catch (Exception error) when (error is JsonException or FormatException)
            {
                throw new DatasetException(
                    $"{path} is there and holds no rows of an evaluation: remove it, or name another file with --rows.",
                    error
                );
            }

            if (line?.End is not null)
                return null;
            if (start == 0 && line?.Evaluation is not { } found)
                throw new DatasetException(
                    $"{path} is there and holds no rows of an evaluation: remove it, or name another file with --rows."
                );
            else if (
                start == 0
                && (line!.Evaluation!.Differs(header) ?? (line.Evaluation.Shard != header.Shard ? "another shard" : null)) is { } difference
            )
                throw new DatasetException(
                    $"{path} holds an unfinished evaluation that was measured otherwise ({difference}): remove it, or name "
                        + $"another file with --rows."
                );
            if (line?.Row is { } row)
                rows.Add(row);
            start = end + 1;
        }

        return start == 0 ? null : (rows, start);
    }

    private sealed record AnyLine
    {
        public EvaluationHeader? Evaluation { get; init; }

        public ImageRow? Row { get; init; }

        public long? End { get; init; }
    }

    private sealed class HitsAsText : JsonConverter<BoxHits>
    {
        public override BoxHits Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            BoxHits.Parse(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, BoxHits value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }

    private sealed class ShardAsText : JsonConverter<Shard>
    {
        public override Shard Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => Shard.Parse(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, Shard value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }
}
