using System.Globalization;
using System.Text.Json.Nodes;
using AgCam.Audit.Findings;
using AgCam.Audit.Gates;
using AgCam.Audit.Interventions;

namespace AgCam.Audit.Output;

/// <summary>
/// Writes the files of an audit into one folder. The rows of all images go to temporary files during the audit. All files get their final
/// names when it has ended.
/// </summary>
internal sealed class AuditFolder : IAsyncDisposable
{
    private readonly string _folder;
    private readonly List<AtomicFile> _files = [];
    private readonly ImageTable _table;
    private readonly StreamWriter _corrected; // rows for a person to edit
    private readonly ClassNames _classes;
    private readonly CocoFile? _coco;
    private readonly FiftyOneFolder? _fiftyOne;

    /// <param name="folder">Created when it does not exist.</param>
    /// <param name="hasExplanations">Whether the rows have pictures, maps and boxes, for coco.json and fiftyone/.</param>
    public AuditFolder(string folder, ClassNames classes, IReadOnlyList<Finding> findings, bool hasExplanations)
    {
        (_folder, _classes) = (folder, classes);
        _table = new ImageTable(classes, findings, Create("findings.csv"), Create("findings.jsonl"), Create("findings.parquet"));
        _corrected = new StreamWriter(Create("corrected-labels.csv"));
        _corrected.Write("number,path,given,likely,score\r\n");
        if (!hasExplanations)
            return;
        _coco = new CocoFile(Create("coco.json"), classes);
        _fiftyOne = new FiftyOneFolder(Path.Combine(folder, "fiftyone"), Create("fiftyone/samples.json"), classes, findings);
    }

    /// <summary>Adds an image's row. Blocks on the disk only.</summary>
    public void Add(AuditRow row, ImageResult result)
    {
        _table.AddAsync(row, result).GetAwaiter().GetResult();
        _coco?.Add(row);
        _fiftyOne?.Add(row, result);
        foreach (var score in result.Scores)
            if (score is { IsIssue: true, Likely: not null } wrong)
                WriteCorrected(row, wrong);
    }

    /// <summary>Writes the report's files and gives all files their final names.</summary>
    /// <param name="model">Name of the model or of the file with its predictions.</param>
    public async Task CompleteAsync(AuditReport report, string model, IReadOnlyList<Gate> gates)
    {
        await _table.DisposeAsync();
        using (var json = Create("audit.json"))
            ReportJson.Write(json, report, model, _classes, gates);
        using (var junit = Create("junit.xml"))
            JUnit.Write(junit, report, gates);
        using (var metrics = new StreamWriter(Create("metrics.json")))
            await metrics.WriteAsync(Metrics(report).ToJsonString());
        await _corrected.DisposeAsync();
        _coco?.Complete(model);
        if (_fiftyOne is not null)
        {
            Add("fiftyone/metadata.json", _fiftyOne.Metadata());
            _fiftyOne.Complete();
        }
        foreach (var file in _files)
            file.Commit();
    }

    /// <summary>Adds a file, which gets its final name with the others.</summary>
    /// <param name="name">Path below the folder.</param>
    public void Add(string name, ReadOnlySpan<byte> content)
    {
        using var stream = Create(name);
        stream.Write(content);
    }

    public ValueTask DisposeAsync()
    {
        foreach (var file in _files)
            file.Dispose();
        _coco?.Dispose();
        _fiftyOne?.Dispose();
        return ValueTask.CompletedTask;
    }

    private Stream Create(string name)
    {
        var file = new AtomicFile(Path.Combine(_folder, name));
        _files.Add(file);
        return file.Stream;
    }

    private static JsonObject Metrics(AuditReport report)
    {
        var metrics = new JsonObject { ["images"] = report.Images, ["labelled"] = report.Labelled };
        foreach (var finding in report.Findings)
            (metrics[$"{finding.Name}.count"], metrics[$"{finding.Name}.share"]) = (finding.Count, finding.Share);
        foreach (var finding in report.Findings.Where(finding => FindingList.Confirmable.Contains(finding.Name)))
        foreach (var status in Enum.GetValues<CandidateStatus>())
            metrics[$"{finding.Name}.{status.Text()}"] = finding.Candidates(status);
        return metrics;
    }

    private void WriteCorrected(AuditRow row, ImageScore score) =>
        _corrected.Write(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Number},{Csv.Cell(row.Path ?? "")},{Name(row.Label)},{Name(score.Likely)},{score.Value:R}\r\n"
            )
        );

    private string Name(int? index) => index is { } known ? Csv.Cell(_classes[known] ?? known.ToString(CultureInfo.InvariantCulture)) : "";
}
