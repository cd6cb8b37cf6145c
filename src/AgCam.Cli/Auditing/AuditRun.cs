using AgCam.Audit;
using AgCam.Audit.Findings;
using AgCam.Audit.Gates;
using AgCam.Audit.Output;

namespace AgCam.Cli.Auditing;

/// <summary>An audit whose images have been explained.</summary>
/// <param name="Top">Maximum number of images, groups or classes that a finding lists. Null lists all.</param>
/// <param name="Folder">Folder of its files; null for none.</param>
internal sealed record AuditRun(AuditInput Input, IReadOnlyList<Finding> Findings, IReadOnlyList<Gate> Gates, int? Top, string? Folder)
{
    /// <summary>Name of the report's page in the folder.</summary>
    public const string Page = "report.html";

    /// <summary>Tests the candidates of the report. Default: leaves them untested.</summary>
    public Func<AuditReport, AuditFolder?, Task<AuditReport>> ConfirmAsync { get; init; } = (report, _) => Task.FromResult(report);

    /// <summary>Draws the images of the report's page, see <see cref="AuditPage"/>. Default: none.</summary>
    public Func<AuditReport, Task<IReadOnlyDictionary<long, byte[]>>> DrawAsync { get; init; } =
        _ => Task.FromResult<IReadOnlyDictionary<long, byte[]>>(new Dictionary<long, byte[]>());

    public async Task<AuditReport> RunAsync(CancellationToken cancellationToken)
    {
        var auditor = new Auditor(Input.Classes, Findings, Top);
        if (Folder is null)
            return await ConfirmAsync(await auditor.RunAsync(Input.ReadAsync, cancellationToken: cancellationToken), null);
        await using var files = new AuditFolder(Folder, Input.Classes, Findings, hasExplanations: Input.Job is not null);
        var report = await ConfirmAsync(await auditor.RunAsync(Input.ReadAsync, files.Add, cancellationToken), files);
        await files.CompleteAsync(report, Input.Model, Gates);
        WritePage(report, Folder, await DrawAsync(report));
        return report;
    }

    private void WritePage(AuditReport report, string folder, IReadOnlyDictionary<long, byte[]> pictures)
    {
        using var file = new AtomicFile(Path.Combine(folder, Page));
        using (var to = new StreamWriter(file.Stream, leaveOpen: true))
            new AuditPage(report, Input, Gates, pictures, Intervention, DateOnly.FromDateTime(DateTime.UtcNow)).Write(to);
        file.Commit();

        byte[]? Intervention(string name) => File.Exists(Path.Combine(folder, name)) ? File.ReadAllBytes(Path.Combine(folder, name)) : null;
    }
}
