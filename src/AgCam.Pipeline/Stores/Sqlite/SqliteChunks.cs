using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>Moves chunks from Planned to Published and Leased. <see cref="SqliteSave"/> stores their results.</summary>
internal sealed class SqliteChunks(SqliteDatabase database, SqliteDeletion deletion, TimeProvider clock) : IChunks
{
    private readonly SqliteSave _save = new(database, clock);

    public Task<Chunk?> FindAsync(Guid owner, int number, CancellationToken cancellationToken = default) =>
        database.ReadAsync(
            session =>
                SqliteOwners.Find(session, owner) is { } no
                    ? SqliteChunkRow.Find(session, SqliteSchema.RowId(no, number))?.Decoded()
                    : null,
            cancellationToken
        );

    public async Task<IReadOnlyList<Chunk>> ClaimPlannedAsync(
        Guid job,
        int window,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken = default
    )
    {
        var now = clock.Now();
        var claimed = await database.WriteAsync<List<SqliteChunkRow>>(
            session =>
            {
                if (SqliteOwners.Find(session, job) is not { } no || StateOf(session, no) != JobState.Running)
                    return [];
                // "state IN (1, 2)" as in the partial index chunks_flying: with other words SQLite would not use it.
                var inFlight = session.Number("SELECT COUNT(*) FROM chunks WHERE owner = ?1 AND state IN (1, 2)", no)!.Value;
                if (inFlight >= window)
                    return [];
                var planned = session.All(
                    "SELECT id FROM chunks WHERE owner = ?1 AND state = 0 ORDER BY id LIMIT ?2",
                    row => row.GetInt64(0),
                    no,
                    window - inFlight
                );
                return [.. planned.Select(id => Publish(session, id, now, visibilityTimeout))];
            },
            cancellationToken
        );
        return [.. claimed.Select(row => row.Decoded())];
    }

    public async Task<IReadOnlyList<Chunk>> RequeueExpiredAsync(
        TimeSpan visibilityTimeout,
        int limit = 100,
        bool all = false,
        CancellationToken cancellationToken = default
    )
    {
        var now = clock.Now();
        var requeued = await database.WriteAsync(
            session =>
            {
                var expired = session.All(
                    "SELECT id, state FROM chunks WHERE state IN (1, 2) AND until <= ?1 ORDER BY until LIMIT ?2",
                    row => (Id: row.GetInt64(0), State: (ChunkState)row.GetInt32(1)),
                    all ? long.MaxValue : now.Ms(),
                    all ? -1 : limit // LIMIT -1 is no limit
                );
                var published = new List<SqliteChunkRow>();
                foreach (var (id, state) in expired)
                {
                    if (state == ChunkState.Leased)
                        NoteCrash(session, id);
                    if (StateOf(session, SqliteSchema.Owner(id)) is null or JobState.Running)
                        published.Add(Publish(session, id, now, visibilityTimeout));
                    else
                        Replan(session, id);
                }
                return published;
            },
            cancellationToken
        );
        return [.. requeued.Select(row => row.Decoded())];
    }

    public Task<Claim?> FindClaimAsync(Guid owner, CancellationToken cancellationToken = default) =>
        database.ReadAsync(session => SqliteOwners.FindClaim(session, owner), cancellationToken);

    public async Task<Chunk> AcceptAsync(
        ExplainImages request,
        TimeSpan visibilityTimeout,
        string? owner = null,
        CancellationToken cancellationToken = default
    )
    {
        ChunkRules.ThrowIfOfJob(request);
        await deletion.ForgetAsync(request.Owner, cancellationToken);
        var now = clock.Now();
        var (body, claim) = (Bson.Encode(request), Claim.Of(request, owner));
        var row = await database.WriteAsync(
            session =>
            {
                var no = SqliteOwners.Claim(session, request.Owner, claim);
                AddRequest(session, no, request, body, now, now + visibilityTimeout);
                return SqliteChunkRow.Find(session, SqliteSchema.RowId(no, request.Chunk))!;
            },
            cancellationToken
        );
        return row.Decoded();
    }

    public Task<int> ForgetRequestsAsync(TimeSpan age, int limit = 1000, CancellationToken cancellationToken = default)
    {
        var before = (clock.Now() - age).Ms();
        return database.WriteAsync(
            session =>
                session.Execute(
                    "DELETE FROM chunks WHERE id IN (SELECT id FROM chunks WHERE direct = 1 AND done < ?1 ORDER BY done LIMIT ?2)",
                    before,
                    limit
                ),
            cancellationToken
        );
    }

    public async Task<LeaseAnswer> LeaseAsync(
        ExplainImages message,
        string worker,
        TimeSpan lease,
        bool redelivered = false,
        CancellationToken cancellationToken = default
    )
    {
        var now = clock.Now();
        var request = message.JobId is null ? new NewRequest(Bson.Encode(message), Claim.Of(message, owner: null)) : null;
        var wanted = new WantedLease(worker, now, now + lease, redelivered);
        var (outcome, row) = await database.WriteAsync(session => Lease(session, message, request, wanted), cancellationToken);
        var chunk = row?.Decoded();
        return new LeaseAnswer(
            outcome,
            outcome == LeaseOutcome.Granted ? new ChunkLease(chunk!.Owner, chunk.Number, chunk.Attempts, chunk.Generation) : null,
            chunk
        );
    }

    public Task<bool> HeartbeatAsync(ChunkLease held, TimeSpan lease, CancellationToken cancellationToken = default)
    {
        var until = (clock.Now() + lease).Ms();
        return WithLeaseAsync(
            held,
            (session, id) => session.Execute("UPDATE chunks SET until = ?2 WHERE id = ?1", id, until) > 0,
            false,
            cancellationToken
        );
    }

    public Task<bool> ReleaseAsync(
        ChunkLease held,
        TimeSpan visibilityTimeout,
        bool faulted = false,
        CancellationToken cancellationToken = default
    )
    {
        var until = (clock.Now() + visibilityTimeout).Ms();
        return WithLeaseAsync(
            held,
            (session, id) =>
            {
                // The images that this attempt began count as not begun.
                session.Execute("UPDATE isolated SET starts = starts - 1 WHERE chunk = ?1 AND attempt = ?2", id, held.Attempt);
                session.Execute("DELETE FROM isolated WHERE chunk = ?1 AND starts = 0", id);
                return session.Execute(
                        "UPDATE chunks SET state = 1, until = ?2, worker = NULL, faults = faults + ?3 WHERE id = ?1",
                        id,
                        until,
                        faulted ? 1 : 0
                    ) > 0;
            },
            false,
            cancellationToken
        );
    }

    public Task<int> BeginIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default) =>
        WithLeaseAsync(
            held,
            (session, id) =>
            {
                var before = session.Number("SELECT starts FROM isolated WHERE chunk = ?1 AND number = ?2", id, number) ?? 0;
                session.Execute(
                    "INSERT INTO isolated (chunk, number, starts, attempt) VALUES (?1, ?2, 1, ?3) ON CONFLICT DO UPDATE SET "
                        + "starts = starts + 1, attempt = ?3",
                    id,
                    number,
                    held.Attempt
                );
                return (int)before;
            },
            -1,
            cancellationToken
        );

    public Task EndIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default) =>
        WithLeaseAsync(
            held,
            (session, id) => session.Execute("DELETE FROM isolated WHERE chunk = ?1 AND number = ?2", id, number),
            0,
            cancellationToken
        );

    public Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancellationToken = default) =>
        _save.SaveAsync(chunks, cancellationToken);

    private static (LeaseOutcome Outcome, SqliteChunkRow? Row) Lease(
        SqliteSession session,
        ExplainImages message,
        NewRequest? request,
        WantedLease wanted
    )
    {
        var no = request is not null ? SqliteOwners.FindOrAdd(session, message.Owner) : SqliteOwners.Find(session, message.Owner) ?? 0;
        var id = SqliteSchema.RowId(no, message.Chunk);
        if (request is not null && !SqliteOwners.IsDeleted(session, no))
        {
            if (SqliteOwners.TryClaim(session, no, request.Claim) is not null)
                return (LeaseOutcome.KeyUsed, null);
            AddRequest(session, no, message, request.Body, wanted.Now, wanted.Until);
        }
        if (SqliteChunkRow.Find(session, id) is not { } row)
            return (LeaseOutcome.Gone, null);
        var (chunk, job) = (row.Chunk, StateOf(session, no));
        if (request is null && job is null)
            return (LeaseOutcome.Gone, null); // its job is being deleted
        if (request is null && message.Generation != chunk.Generation)
            return (LeaseOutcome.Stale, row);
        if (chunk.State == ChunkState.Done)
            return (LeaseOutcome.Done, row);
        if (job == JobState.Cancelled)
            return (LeaseOutcome.Cancelled, row);
        if (message.PublishCount < chunk.PublishCount || chunk.State == ChunkState.Planned)
            return (LeaseOutcome.Stale, row);
        if (chunk.State == ChunkState.Leased)
        {
            if (!wanted.Redelivered && chunk.Until > wanted.Now)
                return (LeaseOutcome.Held, row);
            NoteCrash(session, id);
        }
        if (job == JobState.Paused)
        {
            Replan(session, id);
            return (LeaseOutcome.Paused, SqliteChunkRow.Find(session, id));
        }
        session.Execute(
            "UPDATE chunks SET state = 2, attempts = attempts + 1, worker = ?2, leased = ?3, until = ?4 WHERE id = ?1",
            id,
            wanted.Worker,
            wanted.Now.Ms(),
            wanted.Until.Ms()
        );
        return (LeaseOutcome.Granted, SqliteChunkRow.Find(session, id));
    }

    /// <param name="Body">The message as BSON, encoded before the writer's thread runs.</param>
    private sealed record NewRequest(byte[] Body, Claim Claim);

    private sealed record WantedLease(string Worker, DateTimeOffset Now, DateTimeOffset Until, bool Redelivered);

    private static void AddRequest(
        SqliteSession session,
        long no,
        ExplainImages request,
        byte[] body,
        DateTimeOffset now,
        DateTimeOffset until
    ) =>
        session.Execute(
            """
            INSERT INTO chunks (id, owner, direct, state, first, count, last, publish_count, published, until, request, generation)
            VALUES (?1, ?2, 1, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING
            """,
            SqliteSchema.RowId(no, request.Chunk),
            no,
            request.References[0].Number,
            request.References.Count,
            request.References[^1].Uri,
            request.PublishCount,
            now.Ms(),
            until.Ms(),
            body,
            ChunkRules.NewGeneration()
        );

    private static SqliteChunkRow Publish(SqliteSession session, long id, DateTimeOffset now, TimeSpan visibilityTimeout)
    {
        session.Execute(
            "UPDATE chunks SET state = 1, publish_count = publish_count + 1, worker = NULL, published = ?2, until = ?3 WHERE id = ?1",
            id,
            now.Ms(),
            (now + visibilityTimeout).Ms()
        );
        return SqliteChunkRow.Find(session, id)!;
    }

    private static void Replan(SqliteSession session, long id) =>
        session.Execute("UPDATE chunks SET state = 0, worker = NULL, until = NULL WHERE id = ?1", id);

    private static void NoteCrash(SqliteSession session, long id)
    {
        var row = SqliteChunkRow.Find(session, id)!;
        session.Execute("UPDATE chunks SET crashes = crashes + 1, note = ?2 WHERE id = ?1", id, ChunkRules.CrashNote(row.Chunk));
    }

    /// <returns>The state of the job; null for a request, and for a job that is deleted.</returns>
    private static JobState? StateOf(SqliteSession session, long no) =>
        (JobState?)session.Number("SELECT state FROM jobs WHERE no = ?1", no);

    /// <summary>Runs <paramref name="work"/> while the lease holds. Returns <paramref name="lost"/> when it is lost.</summary>
    private Task<T> WithLeaseAsync<T>(ChunkLease held, Func<SqliteSession, long, T> work, T lost, CancellationToken cancellationToken) =>
        database.WriteAsync(
            session =>
                session.Number(
                    "SELECT id FROM chunks WHERE id = (SELECT no << 32 FROM owners WHERE id = ?1) + ?2 AND state = 2 AND "
                        + "attempts = ?3 AND generation = ?4",
                    held.Owner.Blob(),
                    held.Number,
                    held.Attempt,
                    held.Generation
                )
                    is { } id
                    ? work(session, id)
                    : lost,
            cancellationToken
        );
}
