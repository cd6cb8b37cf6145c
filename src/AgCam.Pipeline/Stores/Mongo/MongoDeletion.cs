using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Deleting a job: a note that it is deleted, then the job and its chunks, so that nothing new comes, then the items in steps. The note
/// stays for a while: for late messages, and to delete once more what a worker that was killed in the middle of a save may have left.
/// </summary>
internal sealed class MongoDeletion(MongoDatabase database, TimeProvider clock)
{
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    private const int ItemsPerStep = 5000;

    public async Task<bool> DeleteAsync(Guid id, CancellationToken cancellationToken)
    {
        var known =
            await database.Jobs.Find(job => job.Id == id).AnyAsync(cancellationToken)
            || await database.Chunks.Find(Chunks(id)).AnyAsync(cancellationToken);
        if (!known)
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

    /// <summary>Finishes deletions that were begun; forgets old ones, sweeping up behind them.</summary>
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

    /// <summary>Before a job is created again, or a request accepted again, under the same key.</summary>
    public async Task ForgetAsync(Guid id, CancellationToken cancellationToken)
    {
        if (!await IsDeletedAsync(id, cancellationToken))
            return;
        await FinishAsync(id, cancellationToken);
        await database.Deleted.DeleteOneAsync(deleted => deleted.Id == id, cancellationToken);
    }

    public async Task DeleteItemsAsync(Guid job, IEnumerable<int> numbers, CancellationToken cancellationToken) =>
        await database.Items.DeleteManyAsync(
            new BsonDocument("_id", new BsonDocument("$in", new BsonArray(numbers.Select(number => MongoRaw.Key(job, number))))),
            cancellationToken
        );

    public Task DeleteRowsAsync(Guid job, int chunk, CancellationToken cancellationToken) =>
        database.Rows.DeleteOneAsync(new BsonDocument("_id", MongoRaw.Key(job, chunk)), cancellationToken);

    public static FilterDefinition<MongoChunk> Chunks(Guid owner) => new BsonDocument("_id", MongoRaw.KeysOf(owner));

    public static FilterDefinition<MongoIsolated> Isolated(Guid owner, int? chunk = null) =>
        new BsonDocument(
            "_id",
            new BsonDocument
            {
                {
                    "$gte",
                    new BsonDocument
                    {
                        { "job", MongoRaw.Id(owner) },
                        { "chunk", chunk ?? 0 },
                        { "n", 0 },
                    }
                },
                {
                    "$lte",
                    new BsonDocument
                    {
                        { "job", MongoRaw.Id(owner) },
                        { "chunk", chunk ?? int.MaxValue },
                        { "n", int.MaxValue },
                    }
                },
            }
        );

    private async Task FinishAsync(Guid id, CancellationToken cancellationToken)
    {
        // First: who takes the key again finishes this deletion before, and the new claim must not be the one that goes.
        await MongoClaims.ReleaseAsync(database, id, cancellationToken);
        await database.Jobs.DeleteOneAsync(job => job.Id == id, cancellationToken);
        await database.Chunks.DeleteManyAsync(Chunks(id), cancellationToken);
        await database.References.DeleteManyAsync(new BsonDocument("_id", MongoRaw.KeysOf(id)), cancellationToken);
        await database.Ledger.DeleteManyAsync(new BsonDocument("_id", MongoRaw.KeysOf(id)), cancellationToken);
        await database.Isolated.DeleteManyAsync(Isolated(id), cancellationToken);
        await database.Rows.DeleteManyAsync(new BsonDocument("_id", MongoRaw.KeysOf(id)), cancellationToken);
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
            .Items.Find(new BsonDocument("_id", MongoRaw.KeysOf(job)))
            .Sort(new BsonDocument("_id", 1))
            .Limit(ItemsPerStep)
            .Project(new BsonDocument("_id", 1))
            .ToListAsync(cancellationToken);
        if (keys.Count == 0)
            return false;
        var upTo = new BsonDocument { { "$gte", MongoRaw.Key(job, 0) }, { "$lte", keys[^1]["_id"] } };
        await database.Items.DeleteManyAsync(new BsonDocument("_id", upTo), cancellationToken);
        return keys.Count == ItemsPerStep;
    }
}
