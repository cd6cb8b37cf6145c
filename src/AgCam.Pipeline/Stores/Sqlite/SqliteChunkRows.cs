using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores.Sqlite;

internal sealed class SqliteChunkRows(SqliteDatabase database) : IRows
{
    public Task<IReadOnlyList<ChunkRows>> PageAsync(Guid job, int from, int limit = 16, CancellationToken cancellationToken = default) =>
        database.ReadAsync<IReadOnlyList<ChunkRows>>(
            session =>
                SqliteOwners.Find(session, job) is { } no
                    ? session.All(
                        "SELECT id, header, lines FROM chunk_rows WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3",
                        row => new ChunkRows(SqliteSchema.Number(row.GetInt64(0)), row.GetText(1), row.GetBlob(2)),
                        SqliteSchema.RowId(no, from),
                        SqliteSchema.RowId(no, int.MaxValue),
                        limit
                    )
                    : [],
            cancellationToken
        );

    /// <summary>Inserts the rows unless the chunk has rows.</summary>
    public static void Insert(SqliteSession session, long chunk, ChunkRows rows) =>
        session.Execute(
            "INSERT INTO chunk_rows (id, header, lines) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            chunk,
            rows.Header,
            rows.Lines
        );
}
