using AgCam.Pipeline.Records;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Updates a chunk by compare-and-set.</summary>
internal static class MongoChunkUpdates
{
    private static readonly FilterDefinitionBuilder<MongoChunk> Where = Builders<MongoChunk>.Filter;
    private static readonly UpdateDefinitionBuilder<MongoChunk> Set = Builders<MongoChunk>.Update;

    /// <summary>Update that makes a chunk Planned again.</summary>
    public static UpdateDefinition<MongoChunk> Replanned =>
        Set.Set(chunk => chunk.State, ChunkState.Planned).Unset(chunk => chunk.Worker).Unset(chunk => chunk.Until);

    /// <summary>Returns the filter for a chunk whose lease still holds.</summary>
    public static FilterDefinition<MongoChunk> Held(ChunkLease held) =>
        Where.Eq(chunk => chunk.Id, new MongoKey { Job = held.Owner, N = held.Number })
        & Where.Eq(chunk => chunk.State, ChunkState.Leased)
        & Where.Eq(chunk => chunk.Attempts, held.Attempt)
        & Where.Eq(chunk => chunk.Generation, held.Generation);

    /// <summary>Returns whether <see cref="Held"/> matches the chunk of the lease.</summary>
    public static bool IsHeld(MongoChunk chunk, ChunkLease held) =>
        chunk.State == ChunkState.Leased && chunk.Attempts == held.Attempt && chunk.Generation == held.Generation;

    /// <summary>Updates the chunk unless another process has moved it, or extended its lease, since it was read.</summary>
    /// <returns>Whether it was updated.</returns>
    public static async Task<bool> TryUpdateAsync(
        MongoDatabase database,
        MongoChunk chunk,
        UpdateDefinition<MongoChunk> update,
        CancellationToken cancellationToken
    )
    {
        var unchanged =
            Where.Eq(item => item.Id, chunk.Id)
            & Where.Eq(item => item.State, chunk.State)
            & Where.Eq(item => item.PublishCount, chunk.PublishCount)
            & Where.Eq(item => item.Attempts, chunk.Attempts)
            & Where.Eq(item => item.Until, chunk.Until);
        return (await database.Chunks.UpdateOneAsync(unchanged, update, null, cancellationToken)).ModifiedCount > 0;
    }

    /// <summary>Adds a crash to the update of a leased chunk: its worker neither saved it nor released its lease.</summary>
    public static UpdateDefinition<MongoChunk> WithCrash(MongoChunk chunk, UpdateDefinition<MongoChunk> update) =>
        chunk.State == ChunkState.Leased
            ? update.Inc(item => item.Crashes, 1).Set(item => item.Note, ChunkRules.CrashNote(chunk.ToChunk()))
            : update;

    /// <summary>Returns the chunk as <see cref="WithCrash"/> stores it.</summary>
    public static MongoChunk AfterCrash(MongoChunk chunk) =>
        chunk.State == ChunkState.Leased ? chunk with { Crashes = chunk.Crashes + 1, Note = ChunkRules.CrashNote(chunk.ToChunk()) } : chunk;
}
