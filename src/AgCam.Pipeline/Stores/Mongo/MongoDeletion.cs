using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Note that a job or request is deleted.</summary>
internal sealed record MongoDeleted
{
    public Guid Id { get; init; }
    public DateTimeOffset At { get; init; }
    public bool Finished { get; init; }
}

/// <summary>
/// Deletes a job in steps: a note that it is deleted; the job and its chunks, so that nothing new is saved; then rows and items. The
/// note stays for a time: it recognises late messages, and the deletion is repeated for a worker that was killed during a save.
/// </summary>
internal sealed class MongoDeletion(MongoDatabase database, TimeProvider clock)
{
    /// <summary>Time for which a note stays.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    private const int ItemsPerStep = 5000;

    public async Task<bool> DeleteAsync(Guid id, CancellationToken cancellationToken)
    {
        var exists =
            await database.Jobs.Find(job => job.Id == id).AnyAsync(cancellationToken)
            || await database.Chunks.Find(MongoChunk.In(id)).AnyAsync(cancellationToken);
        if (!exists)
            return false;
        var note = new MongoDeleted { Id = id, At = clock.Now() };
        await database.Deleted.ReplaceOneAsync(
            deleted => deleted.Id == id,
            note,
            new ReplaceOptions { IsUpsert = true },
            cancellationToken
        );
        await FinishAsync(id, cancellationToken);
        return true;
    }

    public Task<bool> IsDeletedAsync(Guid id, CancellationToken cancellationToken) =>
        database.Deleted.Find(deleted => deleted.Id == id).AnyAsync(cancellationToken);

    /// <summary>Finishes interrupted deletions. Repeats old ones and removes their notes.</summary>
    /// <returns>The number of deletions that were finished.</returns>
    public async Task<int> ResumeAsync(CancellationToken cancellationToken)
    {
        var before = clock.Now() - Remembered;
        var notes = await database.Deleted.Find(deleted => !deleted.Finished || deleted.At < before).ToListAsync(cancellationToken);
        foreach (var note in notes)
        {
            await FinishAsync(note.Id, cancellationToken);
            if (note.At < before)
                await database.Deleted.DeleteOneAsync(deleted => deleted.Id == note.Id && deleted.At == note.At, cancellationToken);
        }
        return notes.Count(note => !note.Finished);
    }

    /// <summary>Finishes and forgets the deletion of <paramref name="id"/>, before its key is used again.</summary>
    public async Task ForgetAsync(Guid id, CancellationToken cancellationToken)
    {
        if (!await IsDeletedAsync(id, cancellationToken))
            return;
        await FinishAsync(id, cancellationToken);
        await database.Deleted.DeleteOneAsync(deleted => deleted.Id == id, cancellationToken);
    }

    public async Task DeleteItemsAsync(Guid job, IEnumerable<int> numbers, CancellationToken cancellationToken) =>
        await database.Items.DeleteManyAsync(
            new BsonDocument("_id", new BsonDocument("$in", new BsonArray(numbers.Select(number => MongoKeys.Of(job, number))))),
            cancellationToken
        );

    public Task DeleteRowsAsync(Guid job, int chunk, CancellationToken cancellationToken) =>
        database.Rows.DeleteOneAsync(new BsonDocument("_id", MongoKeys.Of(job, chunk)), cancellationToken);

    private async Task FinishAsync(Guid id, CancellationToken cancellationToken)
    {
        // The claim goes first. A caller that uses the key again finishes this deletion before it claims, and must keep its claim.
        await MongoClaims.ReleaseAsync(database, id, cancellationToken);
        await database.Jobs.DeleteOneAsync(job => job.Id == id, cancellationToken);
        await database.Chunks.DeleteManyAsync(MongoChunk.In(id), cancellationToken);
        await database.References.DeleteManyAsync(new BsonDocument("_id", MongoKeys.InJob(id)), cancellationToken);
        await database.Ledger.DeleteManyAsync(new BsonDocument("_id", MongoKeys.InJob(id)), cancellationToken);
        await database.Isolated.DeleteManyAsync(MongoIsolated.In(id), cancellationToken);
        await database.Rows.DeleteManyAsync(new BsonDocument("_id", MongoKeys.InJob(id)), cancellationToken);
        await database.Findings.DeleteManyAsync(new BsonDocument("_id.job", MongoKeys.Id(id)), cancellationToken);
        await database.AuditReports.DeleteManyAsync(new BsonDocument("_id.job", MongoKeys.Id(id)), cancellationToken);
        while (await DeleteSomeItemsAsync(id, cancellationToken)) { }
        await database.Deleted.UpdateOneAsync(
            deleted => deleted.Id == id,
            Builders<MongoDeleted>.Update.Set(deleted => deleted.Finished, true),
            null,
            cancellationToken
        );
    }

    private async Task<bool> DeleteSomeItemsAsync(Guid job, CancellationToken cancellationToken)
    {
        var keys = await database
            .Items.Find(new BsonDocument("_id", MongoKeys.InJob(job)))
            .Sort(new BsonDocument("_id", 1))
            .Limit(ItemsPerStep)
            .Project(new BsonDocument("_id", 1))
            .ToListAsync(cancellationToken);
        if (keys.Count == 0)
            return false;
        var upTo = new BsonDocument { { "$gte", MongoKeys.Of(job, 0) }, { "$lte", keys[^1]["_id"] } };
        await database.Items.DeleteManyAsync(new BsonDocument("_id", upTo), cancellationToken);
        return keys.Count == ItemsPerStep;
    }
}
