using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Note that an image is computed in isolation.</summary>
internal sealed record MongoIsolated
{
    public required MongoIsolatedKey Id { get; init; }

    /// <summary>Number of attempts that began the image and did not end it.</summary>
    public int Starts { get; init; }

    /// <summary>Attempt that began it last; 0 once that attempt has released its lease.</summary>
    public int Attempt { get; init; }

    /// <summary>Returns the filter for the notes of a chunk, or of all chunks of an owner.</summary>
    public static FilterDefinition<MongoIsolated> In(Guid owner, int? chunk = null)
    {
        var first = new BsonDocument
        {
            { "job", MongoKeys.Id(owner) },
            { "chunk", chunk ?? 0 },
            { "n", 0 },
        };
        var last = new BsonDocument
        {
            { "job", MongoKeys.Id(owner) },
            { "chunk", chunk ?? int.MaxValue },
            { "n", int.MaxValue },
        };
        return new BsonDocument("_id", new BsonDocument { { "$gte", first }, { "$lte", last } });
    }
}

internal sealed record MongoIsolatedKey
{
    public Guid Job { get; init; }
    public int Chunk { get; init; }
    public int N { get; init; }
}

/// <summary>Stores the notes of images that are computed in isolation.</summary>
internal sealed class MongoIsolation(MongoDatabase database)
{
    public async Task<int> BeginAsync(ChunkLease held, int number, CancellationToken cancellationToken)
    {
        var marked = Builders<MongoChunk>.Update.Set(chunk => chunk.HasIsolated, true);
        if ((await database.Chunks.UpdateOneAsync(MongoChunkUpdates.Held(held), marked, null, cancellationToken)).MatchedCount == 0)
            return -1;
        var key = Key(held, number);
        var before = await database.Isolated.Find(item => item.Id == key).FirstOrDefaultAsync(cancellationToken);
        await database.Isolated.UpdateOneAsync(
            item => item.Id == key,
            Builders<MongoIsolated>.Update.Inc(item => item.Starts, 1).Set(item => item.Attempt, held.Attempt),
            new UpdateOptions { IsUpsert = true },
            cancellationToken
        );
        return before?.Starts ?? 0;
    }

    public async Task EndAsync(ChunkLease held, int number, CancellationToken cancellationToken)
    {
        var key = Key(held, number);
        if (await database.Chunks.Find(MongoChunkUpdates.Held(held)).AnyAsync(cancellationToken))
            await database.Isolated.DeleteOneAsync(item => item.Id == key, cancellationToken);
    }

    private static MongoIsolatedKey Key(ChunkLease held, int number) =>
        new()
        {
            Job = held.Owner,
            Chunk = held.Number,
            N = number,
        };
}
