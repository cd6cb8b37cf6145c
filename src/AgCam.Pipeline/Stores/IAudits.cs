using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores;

/// <summary>
/// Stores audits. A job with <see cref="JobSpec.Audit"/> does not complete with its last chunk: it is due, one auditor at a time leases
/// it, stores findings and completes it. The findings of an attempt become visible when it completes the audit, all at once.
/// </summary>
public interface IAudits
{
    /// <summary>Returns running jobs that are due and that nobody has leased.</summary>
    Task<IReadOnlyList<Guid>> DueAsync(CancellationToken cancellationToken = default);

    /// <summary>Leases a due audit. A lease that expired without a release counts as a crash.</summary>
    /// <returns>Null when it is not due, or another auditor holds it.</returns>
    Task<AuditLease?> LeaseAsync(Guid job, string auditor, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Extends the lease until <paramref name="lease"/> from now.</summary>
    /// <returns>False when the lease is lost, or the job is not running any more. The auditor then stops.</returns>
    Task<bool> ExtendAsync(AuditLease held, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Releases the lease of an auditor that stops.</summary>
    /// <param name="faulted">Whether the attempt ended in an unexpected error, which <see cref="AuditLease.Crashes"/> counts.</param>
    Task ReleaseAsync(AuditLease held, bool faulted = false, CancellationToken cancellationToken = default);

    /// <summary>Stores findings of this attempt, with ascending numbers over all calls.</summary>
    /// <returns>False when the lease is lost; nothing is visible.</returns>
    Task<bool> AddAsync(AuditLease held, IReadOnlyList<StoredFinding> findings, CancellationToken cancellationToken = default);

    /// <summary>Stores the report, makes the findings visible and completes the job, once.</summary>
    /// <param name="report">JSON, gzip.</param>
    /// <returns>Whether this call completed the job.</returns>
    Task<bool> CompleteAsync(AuditLease held, byte[] report, CancellationToken cancellationToken = default);

    /// <returns>The report as it was stored; null when the job has no completed audit.</returns>
    Task<byte[]?> ReportAsync(Guid job, CancellationToken cancellationToken = default);

    /// <summary>Returns one page of a completed audit's findings, by number.</summary>
    /// <exception cref="StoreQueryException">The limit is out of range, or the cursor does not belong to the query.</exception>
    Task<FindingPage> PageAsync(FindingQuery query, CancellationToken cancellationToken = default);
}

/// <summary>Gives an auditor the right to audit a job until the lease expires.</summary>
/// <param name="Attempt">Number of leases of this audit. It fences off older leases.</param>
/// <param name="Crashes">Number of earlier attempts that crashed or faulted since the job was created or resumed.</param>
public sealed record AuditLease(Guid Job, string Auditor, int Attempt, int Crashes);

/// <summary>Selects findings of an audit. Each combination of filters is served by an index.</summary>
public sealed record FindingQuery
{
    public required Guid Job { get; init; }

    /// <summary>Name of a finding.</summary>
    public string? Finding { get; init; }

    /// <summary><see cref="StoredFinding.Class"/>.</summary>
    public int? Class { get; init; }

    /// <summary><see cref="StoredFinding.Image"/>.</summary>
    public int? Image { get; init; }

    /// <summary>Whether only what the findings count is returned.</summary>
    public bool OnlyIssues { get; init; }

    /// <summary>1 to 1000.</summary>
    public int Limit { get; init; } = 100;

    /// <summary><see cref="FindingPage.Next"/> of the page before, of the same query; null for the first page.</summary>
    public string? Cursor { get; init; }
}

public sealed record FindingPage(IReadOnlyList<StoredFinding> Findings, string? Next);
