using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgCam.Evaluation.Datasets;
using AgCam.Evaluation.Metrics;

namespace AgCam.Evaluation;

/// <summary>
/// Rows as JSON lines: a header, one line per image, and an end line with their number, so that a truncated file is detected.
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

    /// <summary>Returns the JSON line without a line end.</summary>
    public static string Line(EvaluationHeader header) => JsonSerializer.Serialize(new AnyLine { Evaluation = header }, Format);

    /// <inheritdoc cref="Line(EvaluationHeader)"/>
    public static string Line(ImageRow row) => JsonSerializer.Serialize(new AnyLine { Row = row }, Format);

    /// <inheritdoc cref="Line(EvaluationHeader)"/>
    public static string EndLine(long rows) => JsonSerializer.Serialize(new AnyLine { End = rows }, Format);

    /// <summary>Reads a file into the given tables, or into new ones.</summary>
    /// <exception cref="DatasetException">The file has another format, is truncated, or its rows do not match the tables.</exception>
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
                        line?.Evaluation ?? throw new DatasetException($"{path} holds no rows of an evaluation. Give a file of rows.");
                    if (header.Version != EvaluationHeader.CurrentVersion)
                        throw new DatasetException(
                            $"{path} has rows of version {header.Version}, but this program reads version "
                                + $"{EvaluationHeader.CurrentVersion}. Evaluate again."
                        );
                    (tables ??= new EvaluationTables(header)).Join(header, path);
                }
                else if (line?.Evaluation is { } again)
                {
                    tables!.Join(again, path); // rows of a job's worker with other settings
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

        return end == rows ? tables! : throw new DatasetException($"{path} is truncated after {rows} rows. Evaluate that shard again.");
    }

    /// <summary>
    /// Returns the rows of an interrupted evaluation and the length in bytes of its complete lines. Null where the file does not exist or
    /// is complete.
    /// </summary>
    /// <exception cref="DatasetException">The file has another format, or rows of another evaluation.</exception>
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
                throw new DatasetException($"{path} exists but holds no rows of an evaluation. Remove it, or give another file.", error);
            }

            if (line?.End is not null)
                return null;
            if (start == 0 && line?.Evaluation is not { } found)
                throw new DatasetException($"{path} exists but holds no rows of an evaluation. Remove it, or give another file.");
            else if (
                start == 0
                && (line!.Evaluation!.Differs(header) ?? (line.Evaluation.Shard != header.Shard ? "another shard" : null)) is { } difference
            )
                throw new DatasetException(
                    $"{path} holds an unfinished evaluation with other settings ({difference}). Remove it, or give " + $"another file."
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
