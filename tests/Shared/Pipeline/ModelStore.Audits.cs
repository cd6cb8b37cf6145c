using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Testing;

internal sealed partial class ModelStore
{
    public Task<IReadOnlyList<Guid>> DueAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Guid>>([.. _jobs.Values.Where(IsFree).OrderBy(item => item.Job.Created).Select(item => item.Job.Id)]);

    public Task<AuditLease?> LeaseAsync(Guid job, string auditor, TimeSpan lease, CancellationToken cancellationToken)
    {
        if (!_jobs.TryGetValue(job, out var item) || !IsFree(item))
            return Task.FromResult<AuditLease?>(null);
        item.AuditCrashes += item.Auditor is null ? 0 : 1;
        item.Auditor = new AuditLease(job, auditor, ++item.AuditAttempts, item.AuditCrashes);
        item.AuditorUntil = Now + lease;
        item.Findings.Clear();
        return Task.FromResult<AuditLease?>(item.Auditor);
    }

    public Task<bool> ExtendAsync(AuditLease held, TimeSpan lease, CancellationToken cancellationToken)
    {
        if (Held(held) is not { Job.State: JobState.Running } item)
            return Task.FromResult(false);
        item.AuditorUntil = Now + lease;
        return Task.FromResult(true);
    }

    public Task ReleaseAsync(AuditLease held, bool faulted, CancellationToken cancellationToken)
    {
        if (Held(held) is { } item)
        {
            item.Auditor = null;
            item.AuditCrashes += faulted ? 1 : 0;
        }
        return Task.CompletedTask;
    }

    public Task<bool> AddAsync(AuditLease held, IReadOnlyList<StoredFinding> findings, CancellationToken cancellationToken)
    {
        if (Held(held) is not { } item)
            return Task.FromResult(false);
        item.Findings.AddRange(findings);
        return Task.FromResult(true);
    }

    public Task<bool> CompleteAsync(AuditLease held, byte[] report, CancellationToken cancellationToken)
    {
        if (Held(held) is not { Job.State: JobState.Running or JobState.Paused } item)
            return Task.FromResult(false);
        (item.Report, item.Auditor) = (report, null);
        return Task.FromResult(TryComplete(item));
    }

    public Task<byte[]?> ReportAsync(Guid job, CancellationToken cancellationToken) =>
        Task.FromResult(_jobs.GetValueOrDefault(job)?.Report);

    public Task<FindingPage> PageAsync(FindingQuery query, CancellationToken cancellationToken)
    {
        var after = FindingCursor.Decode(query);
        var found = (_jobs.GetValueOrDefault(query.Job) is { Report: not null } item ? item.Findings : [])
            .Where(finding =>
                finding.Number > after
                && (query.Finding is null || finding.Finding == query.Finding)
                && (query.Class is null || finding.Class == query.Class)
                && (query.Image is null || finding.Image == query.Image)
                && (!query.OnlyIssues || finding.IsIssue)
            )
            .ToList();
        var page = found.Take(query.Limit).ToList();
        return Task.FromResult(new FindingPage(page, found.Count > query.Limit ? FindingCursor.Encode(query, page[^1].Number) : null));
    }

    private bool IsFree(ModelJob item) =>
        item.Job is { State: JobState.Running, Spec.Audit: not null, Chunks: not null }
        && item.Job.Progress.ChunksDone == item.Job.Chunks
        && item.Report is null
        && (item.Auditor is null || item.AuditorUntil <= Now);

    private ModelJob? Held(AuditLease held) =>
        _jobs.GetValueOrDefault(held.Job) is { } item && item.Auditor?.Attempt == held.Attempt && item.Auditor.Auditor == held.Auditor
            ? item
            : null;
}
