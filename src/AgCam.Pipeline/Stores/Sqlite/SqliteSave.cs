using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Stores the results of chunks in one transaction: explanations, items, the end of each chunk and the job's counts. Documents are
/// encoded on the caller's thread; the writer's thread only inserts.
/// </summary>
internal sealed class SqliteSave(SqliteDatabase database, TimeProvider clock)
{
    /// <summary>Maximum number of items of a short write, which takes about a millisecond.</summary>
    private const int ShortWriteItems = 16;

    private readonly SqliteDocumentWriter _documents = new(database.RecentRows);

    public async Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancellationToken)
    {
        var encoded = chunks
            .Select(result => new Encoded(
                result,
                [.. result.Explanations.Select(SqliteExplanationRow.From)],
                [.. result.Items.Select(item => SqliteItemRow.From(item, !result.Unread.Contains(item.Number)))]
            ))
            .ToList();
        var now = clock.Now();
        IReadOnlyList<SaveAnswer> Save(SqliteSession session)
        {
            var inserts = _documents.Begin(session);
            List<SaveAnswer> answers = [.. encoded.Select(result => SqliteSave.Save(session, result, now, inserts))];
            inserts.End();
            return answers;
        }
        return await (
            chunks.Sum(result => result.Items.Count) > ShortWriteItems
                ? database.WriteManyAsync(Save, cancellationToken)
                : database.WriteAsync(Save, cancellationToken)
        );
    }

    private static SaveAnswer Save(SqliteSession session, Encoded encoded, DateTimeOffset now, SqliteDocumentWriter.Inserts inserts)
    {
        var lease = encoded.Result.Lease;
        var no = SqliteOwners.Find(session, lease.Owner) ?? 0;
        var id = SqliteSchema.RowId(no, lease.Number);
        if (SqliteChunkRow.Find(session, id) is not { } row)
            return new SaveAnswer(SaveOutcome.Gone, 0, 0, new JobProgress(), false);
        var chunk = row.Chunk;
        if (chunk.State == ChunkState.Done)
            return new SaveAnswer(SaveOutcome.AlreadyDone, 0, 0, chunk.Sum!, false);
        if (chunk.State != ChunkState.Leased || chunk.Attempts != lease.Attempt || chunk.Generation != lease.Generation)
            return new SaveAnswer(SaveOutcome.LeaseLost, 0, 0, new JobProgress(), false);
        var held = ChunkRules.CheckAndFindHeld(encoded.Result, chunk, row.Numbers());

        var newExplanations = encoded.Explanations.Count(explanation => inserts.Insert(explanation, now));
        foreach (var explanation in held)
            if (session.Number(SqliteDocumentWriter.HasExplanation, explanation.ToArray()) is null)
                throw ChunkRules.Missing(chunk, explanation);
        if (encoded.Result.Rows is { } rows)
            SqliteChunkRows.Insert(session, id, rows);
        var newItems = encoded.Items.Count(item => inserts.Insert(item, no));

        var progress = newItems == encoded.Items.Count ? JobProgress.Of(encoded.Result.Items) : Recount(session, no, encoded.Result.Items);
        session.Execute("UPDATE chunks SET state = 4, until = NULL, done = ?2, refs = NULL, request = NULL WHERE id = ?1", id, now.Ms());
        session.Execute("DELETE FROM isolated WHERE chunk = ?1", id);
        session.Execute(
            "UPDATE jobs SET done = done + 1, completed = completed + ?2, failed = failed + ?3, correct = correct + ?4, "
                + "labelled = labelled + ?5 WHERE no = ?1",
            no,
            progress.Completed,
            progress.Failed,
            progress.Correct,
            progress.Labelled
        );
        return new SaveAnswer(SaveOutcome.Saved, newExplanations, newItems, progress, SqliteJobs.TryComplete(session, no, now));
    }

    /// <summary>Counts the stored items. Some of them were stored before, and the first record of an image stays.</summary>
    private static JobProgress Recount(SqliteSession session, long no, IReadOnlyList<Item> items)
    {
        var sum = new JobProgress { ChunksDone = 1 };
        foreach (var item in items)
            sum += session.First(SqliteItems.CountColumns + "WHERE id = ?1", SqliteItems.ReadCounts, SqliteSchema.RowId(no, item.Number))!;
        return sum;
    }

    private sealed record Encoded(ChunkResult Result, IReadOnlyList<SqliteExplanationRow> Explanations, IReadOnlyList<SqliteItemRow> Items);
}
