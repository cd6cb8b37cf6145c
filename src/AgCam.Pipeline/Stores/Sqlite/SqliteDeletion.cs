namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Deleting a job of millions of items, in steps that let other writes in between: first the job, so that it cannot be found, then its
/// chunks, so that nothing new comes, then the items. A row in "deleted" stands until all is gone, and for a while after it, for
/// messages of the deleted that are still on their way.
/// </summary>
internal sealed class SqliteDeletion(SqliteDatabase database, TimeProvider clock)
{
    /// <summary>How long after a deletion a late message of the deleted job or request is still recognised.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    /// <summary>The references of a chunk are kilobytes, its rows may be megabytes.</summary>
    private const int ItemsPerStep = 2000,
        ChunksPerStep = 200,
        RowsPerStep = 100;

    public async Task<bool> DeleteAsync(Guid id, CancellationToken cancellationToken)
    {
        var no = await database.WriteAsync(session => Begin(session, id), cancellationToken);
        if (no is null)
            return false;
        await FinishAsync(no.Value, cancellationToken);
        return true;
    }

    /// <summary>Finishes deletions that were begun, and forgets old ones.</summary>
    public async Task<int> ResumeAsync(CancellationToken cancellationToken)
    {
        var begun = await database.ReadAsync(
            session => session.All("SELECT no FROM deleted WHERE finished = 0", row => row.GetInt64(0)),
            cancellationToken
        );
        foreach (var no in begun)
            await FinishAsync(no, cancellationToken);
        var old = (clock.GetUtcNow() - Remembered).Ms();
        await database.WriteAsync(session => session.Execute("DELETE FROM deleted WHERE finished = 1 AND at < ?1", old), cancellationToken);
        return begun.Count;
    }

    /// <summary>Before a job is created again under the same key.</summary>
    public async Task ForgetAsync(Guid id, CancellationToken cancellationToken)
    {
        var no = await database.ReadAsync(
            session => session.Number("SELECT no FROM deleted WHERE no = (SELECT no FROM owners WHERE id = ?1)", id.Blob()),
            cancellationToken
        );
        if (no is null)
            return;
        await FinishAsync(no.Value, cancellationToken);
        await database.WriteAsync(session => session.Execute("DELETE FROM deleted WHERE no = ?1", no), cancellationToken);
    }

    private long? Begin(SqliteSession session, Guid id)
    {
        if (SqliteOwners.Find(session, id) is not { } no)
            return null;
        var known =
            session.Execute("DELETE FROM jobs WHERE no = ?1", no) > 0
            || session.Number(
                "SELECT 1 FROM chunks WHERE id BETWEEN ?1 AND ?2",
                SqliteSchema.RowId(no, 0),
                SqliteSchema.RowId(no, int.MaxValue)
            )
                is not null;
        if (!known)
            return null;
        SqliteOwners.Release(session, no);
        session.Execute(
            "INSERT INTO deleted (no, at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at = ?2, finished = 0",
            no,
            clock.GetUtcNow().Ms()
        );
        session.Execute("DELETE FROM job_tags WHERE no = ?1", no);
        return no;
    }

    private async Task FinishAsync(long no, CancellationToken cancellationToken)
    {
        await DeleteAsync("chunks", no, ChunksPerStep, cancellationToken);
        var (first, last) = (SqliteSchema.RowId(no, 0), SqliteSchema.RowId(no, int.MaxValue));
        const string isolated = "DELETE FROM isolated WHERE chunk BETWEEN ?1 AND ?2 AND EXISTS (SELECT 1 FROM deleted WHERE no = ?3)";
        await database.WriteAsync(session => session.Execute(isolated, first, last, no), cancellationToken);
        await DeleteAsync("chunk_rows", no, RowsPerStep, cancellationToken);
        await DeleteAsync("items", no, ItemsPerStep, cancellationToken);
        await database.WriteAsync(session => session.Execute("UPDATE deleted SET finished = 1 WHERE no = ?1", no), cancellationToken);
    }

    /// <summary>Deletes while the row in "deleted" stands: without it another process has finished, and the job may be a new one.</summary>
    private async Task DeleteAsync(string table, long no, int perStep, CancellationToken cancellationToken)
    {
        var sql = $"""
            DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE id BETWEEN ?1 AND ?2 LIMIT ?3)
            AND EXISTS (SELECT 1 FROM deleted WHERE no = ?4)
            """;
        var (first, last) = (SqliteSchema.RowId(no, 0), SqliteSchema.RowId(no, int.MaxValue));
        while (await database.WriteManyAsync(session => session.Execute(sql, first, last, perStep, no), cancellationToken) == perStep) { }
    }
}
