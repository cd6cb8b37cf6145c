using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using AgCam.Audit.Findings;
using Parquet;
using Parquet.Schema;
using Parquet.Serialization;

namespace AgCam.Audit.Output;

/// <summary>
/// Writes one row per image with the scores of all findings: findings.csv, findings.jsonl and findings.parquet. The columns have the
/// names of cleanlab's Datalab: given_label, predicted_label, and is_NAME_issue and NAME_score per finding. Findings of groups have the
/// group's number too, as NAME_group.
/// </summary>
internal sealed class ImageTable : IAsyncDisposable
{
    /// <summary>Number of rows of a Parquet row group.</summary>
    private const int GroupRows = 50_000;

    private static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ClassNames _classes;
    private readonly StreamWriter _csv;
    private readonly StreamWriter _lines;
    private readonly Stream _parquet;
    private readonly ParquetSchema _schema;
    private readonly List<IDictionary<string, object?>> _group = [];
    private bool _isAppending;

    public ImageTable(ClassNames classes, IReadOnlyList<Finding> findings, Stream csv, Stream lines, Stream parquet)
    {
        (_classes, _parquet) = (classes, parquet);
        (_csv, _lines) = (new StreamWriter(csv), new StreamWriter(lines));
        List<DataField> fields =
        [
            new DataField<long>("number"),
            new DataField<string>("path"),
            new DataField<string>("given_label"),
            new DataField<string>("predicted_label"),
        ];
        foreach (var name in Columns(findings.OfType<ImageFinding>()))
            fields.AddRange([new DataField<bool?>($"is_{name}_issue"), new DataField<double?>($"{name}_score")]);
        foreach (var name in Columns(findings.OfType<GroupFinding>()))
            fields.AddRange([
                new DataField<bool?>($"is_{name}_issue"),
                new DataField<double?>($"{name}_score"),
                new DataField<long?>($"{name}_group"),
            ]);
        _schema = new ParquetSchema(fields);
        _csv.Write(string.Join(',', fields.Select(field => field.Name)) + "\r\n");
    }

    public async Task AddAsync(AuditRow row, ImageResult result)
    {
        object?[] values =
        [
            row.Number,
            row.Path,
            Name(row.Label),
            Name(row.Probabilities?.Predicted),
            .. result.Scores.SelectMany(score => new object?[] { score?.IsIssue, score?.Value }),
            .. result.Groups.SelectMany(group =>
                new object?[] { group is null ? null : group.Value.Number is not null, group?.Score, (long?)group?.Number }
            ),
        ];
        var named = _schema.DataFields.Zip(values).ToDictionary(pair => pair.First.Name, pair => pair.Second);
        _csv.Write(string.Join(',', values.Select(CsvCell)) + "\r\n");
        _lines.Write(JsonSerializer.Serialize(named, Compact) + "\n");
        _group.Add(named);
        if (_group.Count == GroupRows)
            await FlushGroupAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_group.Count > 0 || !_isAppending)
            await FlushGroupAsync();
        await _csv.DisposeAsync();
        await _lines.DisposeAsync();
    }

    private async Task FlushGroupAsync()
    {
        await ParquetSerializer.SerializeUntypedAsync(_group, _schema, _parquet, new ParquetOptions { Append = _isAppending });
        _isAppending = true;
        _group.Clear();
    }

    private static IEnumerable<string> Columns(IEnumerable<Finding> findings) => findings.Select(finding => finding.Name.Replace('-', '_'));

    private string? Name(int? index) => index is { } known ? _classes[known] ?? known.ToString(CultureInfo.InvariantCulture) : null;

    private static string CsvCell(object? value) =>
        value switch
        {
            null => "",
            bool isTrue => isTrue ? "true" : "false",
            string text => Csv.Cell(text),
            _ => ((IFormattable)value).ToString("R", CultureInfo.InvariantCulture),
        };
}
