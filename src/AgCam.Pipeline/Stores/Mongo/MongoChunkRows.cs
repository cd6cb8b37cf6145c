using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Document of an evaluation's rows. Its key is that of the chunk.</summary>
internal sealed record MongoRows
{
    public required MongoKey Id { get; init; }

    public string? Header { get; init; }

    public required byte[] Lines { get; init; }
}

internal sealed class MongoChunkRows(MongoDatabase database) : IRows
{
    public Task<IReadOnlyList<ChunkRows>> PageAsync(Guid job, int from, int limit = 16, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync<IReadOnlyList<ChunkRows>>(async () =>
        {
            var found = await database
                .Rows.Find(new BsonDocument("_id", MongoKeys.InJob(job, from, int.MaxValue)))
                .Sort(new BsonDocument("_id", 1))
                .Limit(limit)
                .ToListAsync(cancellationToken);
            return [.. found.Select(rows => new ChunkRows(rows.Id.N, rows.Header, rows.Lines))];
        });

    /// <summary>Inserts the rows unless the chunk has rows.</summary>
    /// <returns>Whether they were inserted.</returns>
    public static Task<bool> InsertAsync(MongoDatabase database, Guid job, ChunkRows rows, CancellationToken cancellationToken) =>
        MongoDatabase.InsertNewAsync(
            database.Rows,
            new MongoRows
            {
                Id = new MongoKey { Job = job, N = rows.Chunk },
                Header = rows.Header,
                Lines = rows.Lines,
            },
            cancellationToken
        );
}
