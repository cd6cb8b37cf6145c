using AgCam.Pipeline.Records;
using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>Stores audits in the tables audits and findings. A job with an audit has its row there from its creation on.</summary>
internal sealed class SqliteAudits(SqliteDatabase database, TimeProvider clock) : IAudits
{
    private const int FindingsPerStep = 2000;

    private const string IsHeld = "no = (SELECT no FROM owners WHERE id = ?1) AND auditor = ?2 AND attempts = ?3 AND finished IS NULL";

    /// <summary>The jobs that are due, joined with their audits.</summary>
    private const string Due =
        "FROM audits JOIN jobs USING (no) WHERE audits.finished IS NULL AND jobs.state = 0 AND jobs.done = jobs.chunks";

    public static void Create(SqliteSession session, long no) => session.Execute("INSERT INTO audits (no) VALUES (?1)", no);

    /// <summary>Forgets the crashes of a job that is resumed.</summary>
    public static void Resume(SqliteSession session, Guid job) =>
        session.Execute("UPDATE audits SET crashes = 0 WHERE no = (SELECT no FROM owners WHERE id = ?1)", job.Blob());

    public Task<IReadOnlyList<Guid>> DueAsync(CancellationToken cancellationToken = default)
    {
        var now = clock.Now().Ms();
        return database.ReadAsync<IReadOnlyList<Guid>>(
            session => session.All($"SELECT jobs.id {Due} AND (auditor IS NULL OR until <= ?1) ORDER BY no", row => row.GetId(0), now),
            cancellationToken
        );
    }

    public async Task<AuditLease?> LeaseAsync(Guid job, string auditor, TimeSpan lease, CancellationToken cancellationToken = default)
    {
        var now = clock.Now();
        var granted = await database.WriteAsync(
            session =>
            {
                var due = session.Number($"SELECT no {Due} AND jobs.id = ?1 AND (auditor IS NULL OR until <= ?2)", job.Blob(), now.Ms());
                if (due is not { } no)
                    return null;
                session.Execute(
                    "UPDATE audits SET auditor = ?2, until = ?3, attempts = attempts + 1, crashes = crashes + (auditor IS NOT NULL) "
                        + "WHERE no = ?1",
                    no,
                    auditor,
                    (now + lease).Ms()
                );
                return session.First(
                    "SELECT attempts, crashes FROM audits WHERE no = ?1",
                    row => new AuditLease(job, auditor, row.GetInt32(0), row.GetInt32(1)),
                    no
                );
            },
            cancellationToken
        );
        if (granted is { Attempt: > 1 })
            await DeleteFindingsAsync(granted, cancellationToken);
        return granted;
    }

    public Task<bool> ExtendAsync(AuditLease held, TimeSpan lease, CancellationToken cancellationToken = default)
    {
        var until = (clock.Now() + lease).Ms();
        return database.WriteAsync(
            session =>
                session.Execute(
                    $"UPDATE audits SET until = ?4 WHERE {IsHeld} AND EXISTS (SELECT 1 FROM jobs WHERE jobs.no = audits.no AND state = 0)",
                    held.Job.Blob(),
                    held.Auditor,
                    held.Attempt,
                    until
                ) > 0,
            cancellationToken
        );
    }

    public Task ReleaseAsync(AuditLease held, bool faulted = false, CancellationToken cancellationToken = default) =>
        database.WriteAsync(
            session =>
                session.Execute(
                    $"UPDATE audits SET auditor = NULL, until = NULL, crashes = crashes + ?4 WHERE {IsHeld}",
                    held.Job.Blob(),
                    held.Auditor,
                    held.Attempt,
                    faulted ? 1 : 0
                ),
            cancellationToken
        );

    public async Task<bool> AddAsync(AuditLease held, IReadOnlyList<StoredFinding> findings, CancellationToken cancellationToken = default)
    {
        foreach (var step in findings.Chunk(FindingsPerStep))
            if (!await database.WriteManyAsync(session => Add(session, held, step), cancellationToken))
                return false;
        return true;
    }

    private static bool Add(SqliteSession session, AuditLease held, IReadOnlyList<StoredFinding> findings)
    {
        if (Held(session, held) is not { } no)
            return false;
        foreach (var finding in findings)
            session.Execute(
                "INSERT INTO findings (id, owner, finding, image, class, issue, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                SqliteSchema.RowId(no, finding.Number),
                no,
                finding.Finding,
                finding.Image,
                finding.Class,
                finding.IsIssue ? 1 : 0,
                finding.Body
            );
        return true;
    }

    public Task<bool> CompleteAsync(AuditLease held, byte[] report, CancellationToken cancellationToken = default)
    {
        var now = clock.Now();
        return database.WriteAsync(
            session =>
            {
                if (
                    Held(session, held) is not { } no
                    || session.Number("SELECT 1 FROM jobs WHERE no = ?1 AND state IN (0, 1) AND done = chunks", no) is null
                )
                    return false;
                session.Execute(
                    "UPDATE audits SET finished = ?2, report = ?3, auditor = NULL, until = NULL WHERE no = ?1",
                    no,
                    now.Ms(),
                    report
                );
                return SqliteJobs.TryComplete(session, no, now);
            },
            cancellationToken
        );
    }

    public Task<byte[]?> ReportAsync(Guid job, CancellationToken cancellationToken = default) =>
        database.ReadAsync(
            session =>
                session.First(
                    "SELECT report FROM audits WHERE no = (SELECT no FROM owners WHERE id = ?1) AND finished IS NOT NULL",
                    row => row.GetBlob(0),
                    job.Blob()
                ),
            cancellationToken
        );

    public async Task<FindingPage> PageAsync(FindingQuery query, CancellationToken cancellationToken = default)
    {
        var after = FindingCursor.Decode(query);
        var findings = await database.ReadAsync(session => Page(session, query, after), cancellationToken);
        if (findings.Count <= query.Limit)
            return new FindingPage(findings, null);
        findings.RemoveAt(query.Limit);
        return new FindingPage(findings, FindingCursor.Encode(query, findings[^1].Number));
    }

    private static List<StoredFinding> Page(SqliteSession session, FindingQuery query, int after)
    {
        if (SqliteOwners.Find(session, query.Job) is not { } no || session.Number(Finished, no) is null)
            return [];
        // A filter that is not set must not stand in the statement: SQLite would not use the filter's index.
        return session.All(
            $"""
            SELECT id, finding, image, class, issue, body FROM findings
            WHERE owner = ?1 AND id > ?2 AND id <= ?3
                {(query.Finding is null ? "AND ?4 IS NULL" : "AND finding = ?4")}
                {(query.Class is null ? "AND ?5 IS NULL" : "AND class = ?5")}
                {(query.Image is null ? "AND ?6 IS NULL" : "AND image = ?6")}
                {(query.OnlyIssues ? "AND issue = 1" : "")}
            ORDER BY id LIMIT ?7
            """,
            Read,
            no,
            SqliteSchema.RowId(no, after < 0 ? 0 : after) - (after < 0 ? 1 : 0),
            SqliteSchema.RowId(no, int.MaxValue),
            query.Finding,
            query.Class,
            query.Image,
            query.Limit + 1
        );
    }

    private const string Finished = "SELECT 1 FROM audits WHERE no = ?1 AND finished IS NOT NULL";

    private static StoredFinding Read(SqliteDataReader row) =>
        new(
            SqliteSchema.Number(row.GetInt64(0)),
            row.GetString(1),
            row.GetIntOrNull(2),
            row.GetIntOrNull(3),
            row.GetBoolean(4),
            row.GetBlob(5)
        );

    private static long? Held(SqliteSession session, AuditLease held) =>
        session.Number($"SELECT no FROM audits WHERE {IsHeld}", held.Job.Blob(), held.Auditor, held.Attempt);

    /// <summary>Deletes what earlier attempts stored.</summary>
    private async Task DeleteFindingsAsync(AuditLease held, CancellationToken cancellationToken)
    {
        const string Some = "DELETE FROM findings WHERE id IN (SELECT id FROM findings WHERE id BETWEEN ?1 AND ?2 LIMIT ?3)";
        int deleted;
        do
        {
            deleted = await database.WriteManyAsync(
                session =>
                    Held(session, held) is { } no
                        ? session.Execute(Some, SqliteSchema.RowId(no, 0), SqliteSchema.RowId(no, int.MaxValue), FindingsPerStep)
                        : 0,
                cancellationToken
            );
        } while (deleted == FindingsPerStep);
    }
}
