using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;
using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

internal sealed class SqliteJobs(SqliteDatabase database, SqliteDeletion deletion, TimeProvider clock) : IJobs
{
    private const string Columns =
        "id, spec, created, state, reason, images, chunks, done, completed, failed, correct, labelled, finished, "
        + "event_published, generation";
    private const string IsJob = "no = (SELECT no FROM owners WHERE id = ?1)";
    private const string Find = $"SELECT {Columns} FROM jobs WHERE {IsJob}";

    /// <summary>A cancelled job has no notification. A completed job counts as ended once it is notified.</summary>
    private const string IsEnded =
        "finished < ?1 AND (state = 2 OR notified = 1) AND (?3 IS NULL OR owner = ?3) "
        + "AND (?2 IS NULL OR no IN (SELECT no FROM job_tags WHERE tag = ?2))";

    public async Task<JobCreation> CreateAsync(JobSpec spec, string? key = null, CancellationToken cancellationToken = default)
    {
        var id = key is null ? Guid.CreateVersion7() : RequestId.Of(key);
        var (body, hash, generation) = (Bson.Encode(spec), spec.Hash(), ChunkRules.NewGeneration());
        if (key is not null)
            await deletion.ForgetAsync(id, cancellationToken);
        return await database.WriteAsync(
            session =>
            {
                var no = SqliteOwners.Claim(session, id, Claim.OfJob(spec.Owner));
                var isNew =
                    session.Execute(
                        """
                        INSERT INTO jobs (no, id, spec, hash, source, owner, created, generation, state)
                        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0) ON CONFLICT DO NOTHING
                        """,
                        no,
                        id.Blob(),
                        body,
                        hash.ToArray(),
                        spec.Source,
                        spec.Owner,
                        clock.Now().Ms(),
                        generation
                    ) > 0;
                if (isNew && spec.Audit is not null)
                    SqliteAudits.Create(session, no);
                if (isNew)
                    foreach (var tag in spec.Tags.Distinct())
                        session.Execute("INSERT INTO job_tags (tag, no) VALUES (?1, ?2)", tag, no);
                var job = session.First(Find, Read, id.Blob())!;
                var same = isNew || session.First("SELECT hash FROM jobs WHERE no = ?1", row => row.GetDigest(0), no) == hash;
                return new JobCreation(
                    isNew ? JobCreated.New
                        : same ? JobCreated.Existing
                        : JobCreated.Conflict,
                    job
                );
            },
            cancellationToken
        );
    }

    public Task<Job?> FindAsync(Guid id, CancellationToken cancellationToken = default) =>
        database.ReadAsync(session => session.First(Find, Read, id.Blob()), cancellationToken);

    public async Task<JobPage> PageAsync(JobQuery query, CancellationToken cancellationToken = default)
    {
        // "?7 IS NULL OR owner = ?7" would keep SQLite from using the partial index jobs_owner.
        var cursor = JobCursor.Decode(query);
        var jobs = await database.ReadAsync(
            session =>
                session.All(
                    $"""
                    SELECT {Columns} FROM jobs
                    WHERE (?1 IS NULL OR no IN (SELECT no FROM job_tags WHERE tag = ?1))
                        AND (?2 IS NULL OR state = ?2)
                        {(query.Owner is null ? "AND ?6 IS NULL" : "AND owner = ?6")} AND (created, id) < (?3, ?4)
                    ORDER BY created DESC, id DESC LIMIT ?5
                    """,
                    Read,
                    query.Tag,
                    (int?)query.State,
                    cursor?.Created ?? long.MaxValue,
                    (cursor?.Id ?? Guid.Empty).Blob(),
                    query.Limit + 1,
                    query.Owner
                ),
            cancellationToken
        );
        var more = jobs.Count > query.Limit;
        if (more)
            jobs.RemoveAt(query.Limit);
        return new JobPage(jobs, more ? JobCursor.After(jobs[^1]).Encode() : null);
    }

    public Task<IReadOnlyList<Job>> EndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default)
    {
        query.ThrowIfInvalid();
        return database.ReadAsync<IReadOnlyList<Job>>(
            session =>
                session.All(
                    $"SELECT {Columns} FROM jobs WHERE {IsEnded} ORDER BY finished, no LIMIT ?4",
                    Read,
                    query.Before.Ms(),
                    query.Tag,
                    query.Owner,
                    query.Limit
                ),
            cancellationToken
        );
    }

    public Task<EndedJobsCount> CountEndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default) =>
        database.ReadAsync(
            session =>
                session.First(
                    $"SELECT COUNT(*), COALESCE(SUM(images), 0) FROM jobs WHERE {IsEnded}",
                    row => new EndedJobsCount(row.GetInt64(0), row.GetInt64(1)),
                    query.Before.Ms(),
                    query.Tag,
                    query.Owner
                )!,
            cancellationToken
        );

    public Task<bool> LeasePlanningAsync(Guid job, string planner, TimeSpan lease, CancellationToken cancellationToken = default)
    {
        var now = clock.Now();
        return database.WriteAsync(
            session =>
                session.Execute(
                    $"UPDATE jobs SET planner = ?2, planner_until = ?3 WHERE {IsJob} AND chunks IS NULL AND state IN (0, 1) "
                        + $"AND (planner IS NULL OR planner = ?2 OR planner_until <= ?4)",
                    job.Blob(),
                    planner,
                    (now + lease).Ms(),
                    now.Ms()
                ) > 0,
            cancellationToken
        );
    }

    public Task<IReadOnlyList<Guid>> UnplannedAsync(CancellationToken cancellationToken = default)
    {
        var now = clock.Now().Ms();
        return database.ReadAsync<IReadOnlyList<Guid>>(
            session =>
                session.All(
                    "SELECT id FROM jobs WHERE chunks IS NULL AND state IN (0, 1) AND (planner IS NULL OR planner_until <= ?1) ORDER BY no",
                    row => row.GetId(0),
                    now
                ),
            cancellationToken
        );
    }

    public Task<PlanTail> PlanTailAsync(Guid job, CancellationToken cancellationToken = default) =>
        database.ReadAsync(
            session => SqliteOwners.Find(session, job) is { } no ? Tail(session, no) : new PlanTail(0, 0, null),
            cancellationToken
        );

    public Task<PlanTail?> AddChunksAsync(
        Guid job,
        PlanTail tail,
        IReadOnlyList<IReadOnlyList<ImageReference>> chunks,
        CancellationToken cancellationToken = default
    )
    {
        var after = ChunkRules.After(tail, chunks);
        var bodies = chunks.Select(references => Bson.Encode(new ReferenceList { Images = references })).ToList();
        return database.WriteManyAsync(
            session =>
            {
                if (
                    session.Number($"SELECT no FROM jobs WHERE {IsJob} AND chunks IS NULL AND state IN (0, 1)", job.Blob()) is not { } no
                    || Tail(session, no) != tail
                )
                    return null;
                for (var i = 0; i < chunks.Count; i++)
                    session.Execute(
                        "INSERT INTO chunks (id, owner, state, first, count, last, refs, generation) VALUES (?1, ?2, 0, ?3, ?4, "
                            + "?5, ?6, ?7)",
                        SqliteSchema.RowId(no, tail.NextChunk + i),
                        no,
                        chunks[i][0].Number,
                        chunks[i].Count,
                        chunks[i][^1].Uri,
                        bodies[i],
                        tail.Generation
                    );
                return after;
            },
            cancellationToken
        );
    }

    public Task<Job?> FinishPlanningAsync(Guid job, long? generation = null, CancellationToken cancellationToken = default) =>
        database.WriteAsync(
            session =>
            {
                if (
                    session.Number(
                        $"SELECT no FROM jobs WHERE {IsJob} AND chunks IS NULL AND state IN (0, 1) AND generation = ifnull(?2, "
                            + $"generation)",
                        job.Blob(),
                        generation
                    ) is
                    { } no
                )
                {
                    var tail = Tail(session, no);
                    session.Execute(
                        "UPDATE jobs SET images = ?2, chunks = ?3, planner = NULL, planner_until = NULL WHERE no = ?1",
                        no,
                        tail.NextImage,
                        tail.NextChunk
                    );
                    TryComplete(session, no, clock.Now());
                }
                return session.First(Find, Read, job.Blob());
            },
            cancellationToken
        );

    public Task<bool> PauseAsync(Guid job, string reason, CancellationToken cancellationToken = default) =>
        database.WriteAsync(
            session =>
            {
                session.Execute($"UPDATE jobs SET state = 1, reason = ?2 WHERE {IsJob} AND state = 0", job.Blob(), reason);
                return session.Number($"SELECT 1 FROM jobs WHERE {IsJob} AND state = 1", job.Blob()) is not null;
            },
            cancellationToken
        );

    public Task<FailureRateCheck> CheckFailureRateAsync(Guid job, string? reason, CancellationToken cancellationToken = default) =>
        database.WriteAsync(
            session =>
            {
                if (
                    session.Execute(
                        $"UPDATE jobs SET failure_rate_checked = 1, state = CASE WHEN ?2 IS NULL THEN 0 ELSE 1 END, reason = ?2 "
                            + $"WHERE {IsJob} AND state = 0 AND failure_rate_checked = 0",
                        job.Blob(),
                        reason
                    ) > 0
                )
                    return FailureRateCheck.Now;
                return session.Number($"SELECT 1 FROM jobs WHERE {IsJob} AND state = 0", job.Blob()) is not null
                    ? FailureRateCheck.Before
                    : FailureRateCheck.NotRunning;
            },
            cancellationToken
        );

    public Task<bool> ResumeAsync(Guid job, CancellationToken cancellationToken = default) =>
        database.WriteAsync(
            session =>
            {
                if (session.Execute($"UPDATE jobs SET state = 0, reason = NULL WHERE {IsJob} AND state = 1", job.Blob()) == 0)
                    return false;
                SqliteAudits.Resume(session, job);
                return true;
            },
            cancellationToken
        );

    public Task<bool> CancelAsync(Guid job, string? reason = null, CancellationToken cancellationToken = default) =>
        database.WriteAsync(
            session =>
            {
                session.Execute(
                    $"UPDATE jobs SET state = 2, reason = ?2, finished = ?3 WHERE {IsJob} AND state IN (0, 1)",
                    job.Blob(),
                    reason,
                    clock.Now().Ms()
                );
                return session.Number($"SELECT 1 FROM jobs WHERE {IsJob} AND state = 2", job.Blob()) is not null;
            },
            cancellationToken
        );

    public Task<bool> DeleteAsync(Guid job, CancellationToken cancellationToken = default) => deletion.DeleteAsync(job, cancellationToken);

    public Task<IReadOnlyList<Job>> PendingNotificationsAsync(int limit = 100, CancellationToken cancellationToken = default) =>
        database.ReadAsync<IReadOnlyList<Job>>(
            session => session.All($"SELECT {Columns} FROM jobs WHERE state = 3 AND notified = 0 ORDER BY no LIMIT ?1", Read, limit),
            cancellationToken
        );

    public Task<bool> LeaseNotificationAsync(Guid job, string notifier, TimeSpan lease, CancellationToken cancellationToken = default)
    {
        var now = clock.Now();
        return database.WriteAsync(
            session =>
                session.Execute(
                    $"UPDATE jobs SET notifier = ?2, notifier_until = ?3 WHERE {IsJob} AND state = 3 AND notified = 0 AND "
                        + $"(notifier IS NULL OR notifier = ?2 OR notifier_until <= ?4)",
                    job.Blob(),
                    notifier,
                    (now + lease).Ms(),
                    now.Ms()
                ) > 0,
            cancellationToken
        );
    }

    public Task MarkEventPublishedAsync(Guid job, CancellationToken cancellationToken = default) =>
        database.WriteAsync(
            session => session.Execute($"UPDATE jobs SET event_published = 1 WHERE {IsJob} AND state = 3", job.Blob()),
            cancellationToken
        );

    public Task MarkNotifiedAsync(Guid job, CancellationToken cancellationToken = default) =>
        database.WriteAsync(
            session => session.Execute($"UPDATE jobs SET notified = 1 WHERE {IsJob} AND state = 3", job.Blob()),
            cancellationToken
        );

    /// <summary>Completes a job whose chunks are all done and whose audit, if there is one, is finished; by compare-and-set.</summary>
    /// <returns>Whether this call completed it. Exactly one call does.</returns>
    internal static bool TryComplete(SqliteSession session, long no, DateTimeOffset now) =>
        session.Execute(
            "UPDATE jobs SET state = 3, reason = NULL, finished = ?2 WHERE no = ?1 AND state IN (0, 1) AND done = chunks "
                + "AND NOT EXISTS (SELECT 1 FROM audits WHERE audits.no = jobs.no AND audits.finished IS NULL)",
            no,
            now.Ms()
        ) > 0;

    private static PlanTail Tail(SqliteSession session, long no)
    {
        var generation = session.Number("SELECT generation FROM jobs WHERE no = ?1", no) ?? 0;
        return session.First(
                "SELECT id, first + count, last FROM chunks WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1",
                row => new PlanTail(SqliteSchema.Number(row.GetInt64(0)) + 1, row.GetInt32(1), row.GetString(2), generation),
                SqliteSchema.RowId(no, 0),
                SqliteSchema.RowId(no, int.MaxValue)
            ) ?? new PlanTail(0, 0, null, generation);
    }

    private static Job Read(SqliteDataReader row) =>
        new()
        {
            Id = row.GetId(0),
            Spec = Bson.Decode<JobSpec>(row.GetBlob(1)),
            Created = row.GetTime(2),
            State = (JobState)row.GetInt32(3),
            Reason = row.GetText(4),
            Images = row.GetIntOrNull(5),
            Chunks = row.GetIntOrNull(6),
            Progress = new JobProgress
            {
                ChunksDone = row.GetInt32(7),
                Completed = row.GetInt32(8),
                Failed = row.GetInt32(9),
                Correct = row.GetInt32(10),
                Labelled = row.GetInt32(11),
            },
            Finished = row.GetTimeOrNull(12),
            EventPublished = row.GetBoolean(13),
            Generation = row.GetInt64(14),
        };
}
