using System.Runtime.CompilerServices;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;
using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

internal sealed class SqliteRecords(SqliteDatabase database, TimeProvider clock) : IStoreRecords
{
    private const int OwnersPerPage = 500;

    public Task<IReadOnlyList<ChunkPlan>> PlansAsync(Guid job, int from, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<ChunkPlan>>(
            session =>
                SqliteOwners.Find(session, job) is { } no
                    ? session.All(
                        """
                        SELECT id, first, count, last, state, refs IS NOT NULL, generation FROM chunks
                        WHERE id BETWEEN ?1 AND ?2 AND direct = 0 ORDER BY id LIMIT ?3
                        """,
                        row => new ChunkPlan(
                            SqliteSchema.Number(row.GetInt64(0)),
                            row.GetInt32(1),
                            row.GetInt32(2),
                            row.GetString(3),
                            (ChunkState)row.GetInt32(4),
                            row.GetBoolean(5),
                            row.GetInt64(6)
                        ),
                        SqliteSchema.RowId(no, from),
                        SqliteSchema.RowId(no, int.MaxValue),
                        limit
                    )
                    : [],
            cancellationToken
        );

    public async IAsyncEnumerable<Guid> OrphansAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // A range of keys for each owner: without it, SQLite would read every chunk of the store.
        const string Next = """
            SELECT owners.no, owners.id FROM owners
            WHERE owners.no > ?1 AND owners.no NOT IN (SELECT no FROM jobs)
                AND EXISTS (SELECT 1 FROM chunks WHERE chunks.id BETWEEN owners.no << 32 AND (owners.no << 32) + 2147483647 AND direct = 0)
            ORDER BY owners.no LIMIT ?2
            """;
        await foreach (var (_, id) in PagesAsync(Next, row => (No: row.GetInt64(0), Id: row.GetId(1)), last => last.No, cancellationToken))
            yield return id;
    }

    public async IAsyncEnumerable<DoneRequest> DoneRequestsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        const string Next = """
            SELECT owners.no, owners.id, chunks.count,
                (SELECT COUNT(*) FROM items WHERE items.id BETWEEN owners.no << 32 AND (owners.no << 32) + 2147483647)
            FROM owners JOIN chunks ON chunks.id = owners.no << 32
            WHERE owners.no > ?1 AND direct = 1 AND state = 4 ORDER BY owners.no LIMIT ?2
            """;
        var pages = PagesAsync(
            Next,
            row => (No: row.GetInt64(0), Request: new DoneRequest(row.GetId(1), row.GetInt32(2), row.GetInt32(3))),
            last => last.No,
            cancellationToken
        );
        await foreach (var (_, request) in pages)
            yield return request;
    }

    public Task DeleteItemsAsync(Guid job, IReadOnlyCollection<int> numbers, CancellationToken cancellationToken) =>
        database.WriteManyAsync(
            session =>
            {
                var no = SqliteOwners.Find(session, job) ?? 0;
                return numbers.Sum(number => session.Execute("DELETE FROM items WHERE id = ?1", SqliteSchema.RowId(no, number)));
            },
            cancellationToken
        );

    public Task ReplanAsync(ChunkPlan chunk, Guid job, IReadOnlyList<ImageReference> references, CancellationToken cancellationToken)
    {
        var body = Bson.Encode(new ReferenceList { Images = references });
        return database.WriteAsync(
            session =>
            {
                var no = SqliteOwners.Find(session, job)!.Value;
                return session.Execute(
                    """
                    INSERT INTO chunks (id, owner, state, first, count, last, refs, generation) VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7)
                    ON CONFLICT DO UPDATE SET state = 0, refs = ?6, worker = NULL, until = NULL, done = NULL
                    """,
                    SqliteSchema.RowId(no, chunk.Number),
                    no,
                    chunk.First,
                    chunk.Count,
                    chunk.LastUri ?? references[^1].Uri,
                    body,
                    chunk.Generation
                );
            },
            cancellationToken
        );
    }

    public Task ReopenAsync(Guid job, CancellationToken cancellationToken) =>
        database.WriteAsync(
            session =>
            {
                const string IsCompleted = "no = (SELECT no FROM jobs WHERE no = (SELECT no FROM owners WHERE id = ?1) AND state = 3)";
                session.Execute($"UPDATE audits SET finished = NULL, report = NULL WHERE {IsCompleted}", job.Blob());
                return session.Execute($"UPDATE jobs SET state = 0, finished = NULL WHERE {IsCompleted}", job.Blob());
            },
            cancellationToken
        );

    public Task RecountAsync(Guid job, CancellationToken cancellationToken) =>
        database.WriteManyAsync(
            session =>
            {
                var no = SqliteOwners.Find(session, job)!.Value;
                // CROSS JOIN fixes the order: for each done chunk, SQLite reads the range of its items.
                var sum = session.First(
                    """
                    SELECT COUNT(*) FILTER (WHERE status = 0), COUNT(*) FILTER (WHERE status = 1),
                        COUNT(*) FILTER (WHERE correct = 1), COUNT(correct)
                    FROM chunks CROSS JOIN items
                        ON items.id BETWEEN (?1 << 32) + chunks.first AND (?1 << 32) + chunks.first + chunks.count - 1
                    WHERE chunks.id BETWEEN ?1 << 32 AND (?1 << 32) + 2147483647 AND chunks.state = 4
                    """,
                    SqliteItems.ReadCounts,
                    no
                )!;
                const string Done = "SELECT COUNT(*) FROM chunks WHERE id BETWEEN ?1 << 32 AND (?1 << 32) + 2147483647 AND state = 4";
                var done = session.Number(Done, no);
                session.Execute(
                    "UPDATE jobs SET done = ?2, completed = ?3, failed = ?4, correct = ?5, labelled = ?6 WHERE no = ?1",
                    no,
                    done,
                    sum.Completed,
                    sum.Failed,
                    sum.Correct,
                    sum.Labelled
                );
                return SqliteJobs.TryComplete(session, no, clock.Now());
            },
            cancellationToken
        );

    private async IAsyncEnumerable<T> PagesAsync<T>(
        string next,
        Func<SqliteDataReader, T> read,
        Func<T, long> key,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var (after, more) = (0L, true);
        while (more)
        {
            var last = after;
            var page = await database.ReadAsync(session => session.All(next, read, last, OwnersPerPage), cancellationToken);
            foreach (var item in page)
                yield return item;
            more = page.Count == OwnersPerPage;
            after = more ? key(page[^1]) : last;
        }
    }
}
