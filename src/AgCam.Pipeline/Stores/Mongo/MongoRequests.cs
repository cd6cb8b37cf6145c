using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Stores requests without a job, each as a published chunk.</summary>
internal sealed class MongoRequests(MongoDatabase database, MongoDeletion deletion, TimeProvider clock)
{
    private static readonly FilterDefinitionBuilder<MongoChunk> Where = Builders<MongoChunk>.Filter;

    private readonly MongoChunkReader _reader = new(database);

    public async Task<Chunk> AcceptAsync(
        ExplainImages request,
        TimeSpan visibilityTimeout,
        string? owner,
        CancellationToken cancellationToken
    )
    {
        await deletion.ForgetAsync(request.Owner, cancellationToken);
        await MongoClaims.ClaimAsync(database, request.Owner, Claim.Of(request, owner), cancellationToken);
        await AddAsync(request, visibilityTimeout, cancellationToken);
        var chunk = await _reader.FindAsync(request.Owner, request.Chunk, cancellationToken);
        return await _reader.WithIsolatedAsync(chunk!, null, cancellationToken);
    }

    /// <summary>Inserts the chunk of a request unless it is stored.</summary>
    public async Task AddAsync(ExplainImages request, TimeSpan visibilityTimeout, CancellationToken cancellationToken)
    {
        var now = clock.Now();
        var chunk = new MongoChunk
        {
            Id = new MongoKey { Job = request.Owner, N = request.Chunk },
            Generation = ChunkRules.NewGeneration(),
            Direct = true,
            State = ChunkState.Published,
            First = request.References[0].Number,
            Count = request.References.Count,
            Last = request.References[^1].Uri,
            PublishCount = request.PublishCount,
            Published = now,
            Until = now + visibilityTimeout,
            Request = request,
            Hash = request.Hash(),
        };
        await MongoDatabase.InsertNewAsync(database.Chunks, chunk, cancellationToken);
    }

    /// <summary>Deletes chunks of requests that were done before <paramref name="before"/>.</summary>
    public async Task<int> ForgetAsync(DateTimeOffset before, int limit, CancellationToken cancellationToken)
    {
        var old = await database
            .Chunks.Find(Where.Eq(chunk => chunk.Direct, true) & Where.Lt(chunk => chunk.Done, before))
            .Limit(limit)
            .Project(chunk => chunk.Id)
            .ToListAsync(cancellationToken);
        return (int)(await database.Chunks.DeleteManyAsync(Where.In(chunk => chunk.Id, old), cancellationToken)).DeletedCount;
    }
}
