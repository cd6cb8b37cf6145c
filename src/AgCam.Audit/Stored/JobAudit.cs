using System.IO.Compression;
using AgCam.Audit.Findings;
using AgCam.Audit.Gates;
using AgCam.Audit.Output;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Audit.Stored;

/// <summary>Result of <see cref="JobAudit.RunAsync"/>, in the form in which a store keeps it.</summary>
/// <param name="Report">The report as `agcam audit --json` prints it: JSON, gzip.</param>
/// <param name="Findings">Rows of the findings, at most <see cref="AuditSpec.Top"/> for each.</param>
/// <param name="ViolatedGates">The gates that are violated, as they were written.</param>
public sealed record JobAuditResult(byte[] Report, IReadOnlyList<StoredFinding> Findings, IReadOnlyList<string> ViolatedGates);

/// <summary>Audits the stored explanations of a completed job.</summary>
public static class JobAudit
{
    /// <summary>Number of images, groups or classes of a finding in the report. The stored findings have more.</summary>
    private const int InReport = 20;

    /// <summary>Checks the settings. Returns the invalid fields; empty when the settings are valid.</summary>
    public static IReadOnlyList<FieldProblem> Check(AuditSpec spec)
    {
        var problems = new List<FieldProblem>();
        if (spec.Top is < 1 or > AuditSpec.MaxTop)
            problems.Add(new FieldProblem("audit.top", $"must be from 1 to {AuditSpec.MaxTop}"));
        if (spec.Confirm is < 0 or > AuditSpec.MaxTop)
            problems.Add(new FieldProblem("audit.confirm", $"must be from 0 to {AuditSpec.MaxTop}"));
        if (spec.LabelThreshold is not (>= 0 and <= 1))
            problems.Add(new FieldProblem("audit.labelThreshold", "must be from 0 to 1"));
        try
        {
            Gates(spec, Create(spec, classes: 1));
        }
        catch (AuditException e)
        {
            problems.Add(new FieldProblem("audit", $"does not fit: {e.Message}"));
        }
        return problems;
    }

    /// <param name="job">Job whose explanations are audited, completed.</param>
    /// <param name="classes">Classes of its model.</param>
    /// <param name="classifier">Weights of its classifier.</param>
    /// <param name="confirm">Tests the candidates of the report on the model; takes the report and the rows.</param>
    public static async Task<JobAuditResult> RunAsync(
        IStore store,
        Job job,
        AuditSpec spec,
        ClassNames classes,
        ClassifierRows classifier,
        Func<AuditReport, Func<IAsyncEnumerable<AuditRow>>, Task<AuditReport>> confirm,
        CancellationToken cancellationToken
    )
    {
        var findings = Create(spec, classes.Count, classifier);
        var gates = Gates(spec, findings);
        var rows = new JobRows(store, job.Id, classes);
        var report = await new Auditor(classes, findings, spec.Top).RunAsync(
            () => rows.ReadAsync(cancellationToken),
            cancellationToken: cancellationToken
        );

        report = await confirm(report, () => rows.ReadAsync(cancellationToken));

        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Optimal))
            ReportJson.Write(gzip, report.Shortened(InReport), job.Spec.Model.Id, classes, gates);
        return new JobAuditResult(
            bytes.ToArray(),
            [.. FindingRows.Of(report, InReport, classes)],
            [.. gates.Where(gate => gate.IsViolated(report.Of(gate.Finding))).Select(gate => gate.ToString())]
        );
    }

    private static IReadOnlyList<Finding> Create(AuditSpec spec, int classes, ClassifierRows? classifier = null) =>
        FindingList.Create(classes, spec.LabelThreshold, spec.Findings?.ToList(), classifier);

    private static IReadOnlyList<Gate> Gates(AuditSpec spec, IReadOnlyList<Finding> findings) =>
        spec.FailOn is { } text ? Gate.Parse(text, [.. findings.Select(finding => finding.Name)]) : [];
}
