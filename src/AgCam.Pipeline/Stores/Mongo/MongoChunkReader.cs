using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Reads chunks, with the references and notes that are documents of their own.</summary>
internal sealed class MongoChunkReader(MongoDatabase database)
{
    public Task<MongoChunk?> FindAsync(Guid owner, int number, CancellationToken cancellationToken) =>
        database.Chunks.Find(new BsonDocument("_id", MongoKeys.Of(owner, number))).FirstOrDefaultAsync(cancellationToken)!;

    /// <returns>The state of the job; null when it is deleted.</returns>
    public async Task<JobState?> JobStateAsync(Guid job, CancellationToken cancellationToken) =>
        await database.Jobs.Find(MongoJob.Is(job)).Project(MongoJob.OnlyState).FirstOrDefaultAsync(cancellationToken) is { } found
            ? Enum.Parse<JobState>(found["state"].AsString)
            : null;

    /// <summary>Returns the chunks with their references, read in one query, and with their notes of isolated images.</summary>
    public async Task<IReadOnlyList<Chunk>> WithReferencesAsync(IReadOnlyList<MongoChunk> chunks, CancellationToken cancellationToken)
    {
        var open = chunks.Where(chunk => chunk.Plan is not null && !MongoChunk.Ended.Contains(chunk.State)).ToList();
        var references =
            open.Count == 0
                ? []
                : (await database.References.Find(MongoReferences.Of(open)).ToListAsync(cancellationToken)).ToDictionary(
                    item => item.Id,
                    item => item.Refs
                );
        var complete = new List<Chunk>();
        foreach (var chunk in chunks)
            complete.Add(
                await WithIsolatedAsync(
                    chunk,
                    MongoReferencesKey.Of(chunk) is { } key ? references.GetValueOrDefault(key) : null,
                    cancellationToken
                )
            );
        return complete;
    }

    /// <summary>Returns the chunk with the given references and its notes of isolated images.</summary>
    public async Task<Chunk> WithIsolatedAsync(
        MongoChunk chunk,
        IReadOnlyList<ImageReference>? references,
        CancellationToken cancellationToken
    )
    {
        // Nearly every chunk has neither crashed nor notes, and needs no query.
        if (chunk.Crashes == 0 || chunk.HasIsolated is null)
            return chunk.ToChunk(references);
        var isolated = await database
            .Isolated.Find(MongoIsolated.In(chunk.Id.Job, chunk.Id.N) & Builders<MongoIsolated>.Filter.Gt(item => item.Starts, 0))
            .ToListAsync(cancellationToken);
        return chunk.ToChunk(references, isolated.ToDictionary(item => item.Id.N, item => item.Starts));
    }
}
