namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Deletes a job in steps between which other writes run: the job, so that nobody finds it; its chunks, so that nothing new is saved;
/// then rows and items. Its row in "deleted" lets another process finish an interrupted deletion. The row stays for a time afterwards,
/// to recognise late messages of the job.
/// </summary>
internal sealed class SqliteDeletion(SqliteDatabase database, TimeProvider clock)
{
    /// <summary>Time after a deletion in which late messages of the deleted job or request are recognised.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    private const int ItemsPerStep = 2000,
        ChunksPerStep = 200, // the references of a chunk have tens of kilobytes
        RowsPerStep = 100; // the rows of a chunk may have megabytes

    public async Task<bool> DeleteAsync(Guid id, CancellationToken cancellationToken)
    {
        var no = await database.WriteAsync(session => Begin(session, id), cancellationToken);
        if (no is null)
            return false;
        await FinishAsync(no.Value, cancellationToken);
        return true;
    }

    /// <summary>Finishes interrupted deletions, and forgets deletions that are old.</summary>
    /// <returns>The number of deletions that were finished.</returns>
    public async Task<int> ResumeAsync(CancellationToken cancellationToken)
    {
        var unfinished = await database.ReadAsync(
            session => session.All("SELECT no FROM deleted WHERE finished = 0", row => row.GetInt64(0)),
            cancellationToken
        );
        foreach (var no in unfinished)
            await FinishAsync(no, cancellationToken);
        var old = (clock.GetUtcNow() - Remembered).Ms();
        await database.WriteAsync(session => session.Execute("DELETE FROM deleted WHERE finished = 1 AND at < ?1", old), cancellationToken);
        return unfinished.Count;
    }

    /// <summary>Finishes and forgets the deletion of <paramref name="id"/>, before its key is used again.</summary>
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
        var exists =
            session.Execute("DELETE FROM jobs WHERE no = ?1", no) > 0
            || session.Number(
                "SELECT 1 FROM chunks WHERE id BETWEEN ?1 AND ?2",
                SqliteSchema.RowId(no, 0),
                SqliteSchema.RowId(no, int.MaxValue)
            )
                is not null;
        if (!exists)
            return null;
        SqliteOwners.Release(session, no);
        session.Execute(
            "INSERT INTO deleted (no, at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at = ?2, finished = 0",
            no,
            clock.GetUtcNow().Ms()
        );
        session.Execute("DELETE FROM job_tags WHERE no = ?1", no);
        session.Execute("DELETE FROM audits WHERE no = ?1", no);
        return no;
    }

    private async Task FinishAsync(long no, CancellationToken cancellationToken)
    {
        await DeleteAsync("chunks", no, ChunksPerStep, cancellationToken);
        var (first, last) = (SqliteSchema.RowId(no, 0), SqliteSchema.RowId(no, int.MaxValue));
        const string Isolated = "DELETE FROM isolated WHERE chunk BETWEEN ?1 AND ?2 AND EXISTS (SELECT 1 FROM deleted WHERE no = ?3)";
        await database.WriteAsync(session => session.Execute(Isolated, first, last, no), cancellationToken);
        await DeleteAsync("chunk_rows", no, RowsPerStep, cancellationToken);
        await DeleteAsync("findings", no, ItemsPerStep, cancellationToken);
        await DeleteAsync("items", no, ItemsPerStep, cancellationToken);
        await database.WriteAsync(session => session.Execute("UPDATE deleted SET finished = 1 WHERE no = ?1", no), cancellationToken);
    }

    /// <summary>
    /// Deletes rows while the job's row in "deleted" exists. Without it, another process has finished the deletion, and the rows may be
    /// those of a recreated job.
    /// </summary>
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
