using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Storing what chunks gave: explanations, items, the end of the chunk and the job's numbers in one transaction. Documents are encoded on the caller's thread: the
/// writer only inserts.
/// </summary>
internal sealed class SqliteSave(SqliteDatabase database, TimeProvider clock)
{
    public async Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancel)
    {
        var encoded = chunks.Select(result => new Encoded(
            result,
            [.. result.Explanations.Select(explanation => new SqliteExplanationRow(explanation.Id.ToArray(), ExplanationDocument.Encode(explanation)))],
            [.. result.Items.Select(SqliteItemRow.From)])).ToList();
        var now = clock.Now();
        return await database.WriteAsync<IReadOnlyList<SaveAnswer>>(session => [.. encoded.Select(one => Save(session, one, now))], cancel);
    }

    private static SaveAnswer Save(SqliteSession session, Encoded encoded, DateTimeOffset now)
    {
        var lease = encoded.Result.Lease;
        var no = SqliteOwners.Find(session, lease.Owner) ?? 0;
        var id = SqliteSchema.RowId(no, lease.Number);
        if (SqliteChunkRow.Find(session, id) is not { } chunk)
            return new SaveAnswer(SaveOutcome.Gone, 0, 0, new JobProgress(), false);
        if (chunk.State == ChunkState.Done)
            return new SaveAnswer(SaveOutcome.AlreadyDone, 0, 0, new JobProgress(), false);
        if (chunk.State != ChunkState.Leased || chunk.Attempts != lease.Attempt)
            return new SaveAnswer(SaveOutcome.LeaseLost, 0, 0, new JobProgress(), false);
        var held = ChunkRules.CheckAndFindHeld(encoded.Result, chunk);

        var newExplanations = 0;
        foreach (var explanation in encoded.Explanations)
            newExplanations += explanation.Insert(session, "explanations", now);
        foreach (var explanation in held)
            if (session.Number("SELECT 1 FROM explanations WHERE id = ?1", explanation.ToArray()) is null)
                throw ChunkRules.Missing(chunk, explanation);
        var newItems = 0;
        foreach (var item in encoded.Items)
            newItems += item.Insert(session, "items", no);

        var progress = newItems == encoded.Items.Count ? JobProgress.Of(encoded.Result.Items) : Recount(session, no, encoded.Result.Items);
        session.Execute("UPDATE chunks SET state = 4, until = NULL, done = ?2, refs = NULL, request = NULL WHERE id = ?1", id, now.Ms());
        session.Execute("DELETE FROM alone WHERE chunk = ?1", id);
        session.Execute(
            "UPDATE jobs SET done = done + 1, completed = completed + ?2, failed = failed + ?3, correct = correct + ?4, labelled = labelled + ?5 WHERE no = ?1",
            no, progress.Completed, progress.Failed, progress.Correct, progress.Labelled);
        return new SaveAnswer(SaveOutcome.Saved, newExplanations, newItems, progress, SqliteJobs.TryComplete(session, no, now));
    }

    /// <summary>Some items were there before, and theirs is the word that counts.</summary>
    private static JobProgress Recount(SqliteSession session, long no, IReadOnlyList<Item> items)
    {
        var sum = new JobProgress { ChunksDone = 1 };
        foreach (var item in items)
            sum += session.First(SqliteItems.CountColumns + "WHERE id = ?1", SqliteItems.ReadCounts, SqliteSchema.RowId(no, item.Number))!;
        return sum;
    }

    private sealed record Encoded(ChunkResult Result, IReadOnlyList<SqliteExplanationRow> Explanations, IReadOnlyList<SqliteItemRow> Items);
}

/// <summary>An explanation ready to be inserted.</summary>
internal sealed record SqliteExplanationRow(byte[] Id, byte[] Body)
{
    /// <returns>1 when it was not there.</returns>
    public int Insert(SqliteSession session, string table, DateTimeOffset now) => session.Execute(
        table == "explanations"
            ? "INSERT INTO explanations (id, created, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
            : $"INSERT INTO {table} (id, created, body) VALUES (?1, ?2, ?3)",
        Id, now.Ms(), Body);
}

/// <summary>An item ready to be inserted.</summary>
internal sealed record SqliteItemRow(Item Item, byte[]? Explanation, byte[] Body)
{
    private const string Columns = "(id, owner, status, model, predicted, probability, correct, label, explanation, time, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

    public static SqliteItemRow From(Item item) => new(item, item.Explanation?.ToArray(), ItemDocument.Encode(item));

    /// <returns>1 when it was not there.</returns>
    public int Insert(SqliteSession session, string table, long no) => session.Execute(
        table == "items" ? $"INSERT INTO items {Columns} ON CONFLICT DO NOTHING" : $"INSERT INTO {table} {Columns}",
        SqliteSchema.RowId(no, Item.Number), no, (int)Item.Status, Item.Model, Item.Predicted, (double?)Item.Probability,
        Item.Correct is { } correct ? correct ? 1 : 0 : null, Item.Label, Explanation, Item.Time.Ms(), Body);
}
