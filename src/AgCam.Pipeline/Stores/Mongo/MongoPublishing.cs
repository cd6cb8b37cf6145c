using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Makes chunks Published: planned ones, and ones whose lease or visibility timeout has expired.</summary>
internal sealed class MongoPublishing(MongoDatabase database, TimeProvider clock)
{
    private static readonly ChunkState[] InFlight = [ChunkState.Published, ChunkState.Leased];
    private static readonly FilterDefinitionBuilder<MongoChunk> Where = Builders<MongoChunk>.Filter;
    private static readonly UpdateDefinitionBuilder<MongoChunk> Set = Builders<MongoChunk>.Update;

    private readonly MongoChunkReader _reader = new(database);

    public async Task<IReadOnlyList<Chunk>> ClaimPlannedAsync(
        Guid job,
        int window,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken
    )
    {
        if (await _reader.JobStateAsync(job, cancellationToken) != JobState.Running)
            return [];
        var ofJob = Where.Eq(chunk => chunk.Id.Job, job);
        var isInFlight = Where.In(chunk => chunk.State, InFlight);
        var inFlight = await database.Chunks.CountDocumentsAsync(ofJob & isInFlight, null, cancellationToken);
        if (inFlight >= window)
            return [];
        var planned = await database
            .Chunks.Find(ofJob & Where.Eq(chunk => chunk.State, ChunkState.Planned))
            .Sort(Builders<MongoChunk>.Sort.Ascending(chunk => chunk.Id.N))
            .Limit(window - (int)inFlight)
            .ToListAsync(cancellationToken);
        var claimed = new List<MongoChunk>();
        // Nearly all planned chunks have the same counts, so this is one write.
        foreach (var sameCounts in planned.GroupBy(chunk => (chunk.PublishCount, chunk.Attempts)))
            claimed.AddRange(await PublishPlannedAsync([.. sameCounts], visibilityTimeout, cancellationToken));
        return await ToPublishAsync(claimed.OrderBy(chunk => chunk.Id.N), cancellationToken);
    }

    public async Task<IReadOnlyList<Chunk>> RequeueExpiredAsync(
        TimeSpan visibilityTimeout,
        int limit,
        bool all,
        CancellationToken cancellationToken
    )
    {
        var isExpired = Where.In(chunk => chunk.State, InFlight);
        if (!all)
            isExpired &= Where.Lte(chunk => chunk.Until, clock.Now());
        var expired = await database
            .Chunks.Find(isExpired)
            .Sort(Builders<MongoChunk>.Sort.Ascending(chunk => chunk.Until))
            .Limit(all ? null : limit)
            .ToListAsync(cancellationToken);
        var running = await RunningAsync(expired, cancellationToken);
        var isRunning = expired.ToLookup(chunk => chunk.Direct is not null || running.Contains(chunk.Id.Job));
        foreach (var chunk in isRunning[false])
        {
            var replanned = MongoChunkUpdates.WithCrash(chunk, MongoChunkUpdates.Replanned);
            await MongoChunkUpdates.TryUpdateAsync(database, chunk, replanned, cancellationToken);
        }
        return await RepublishAsync(isRunning[true], visibilityTimeout, cancellationToken);
    }

    private async Task<List<Guid>> RunningAsync(IEnumerable<MongoChunk> chunks, CancellationToken cancellationToken)
    {
        var jobs = chunks.Where(chunk => chunk.Direct is null).Select(chunk => chunk.Id.Job).Distinct().ToArray();
        var isRunning =
            Builders<MongoJob>.Filter.In(job => job.Id, jobs) & Builders<MongoJob>.Filter.Eq(job => job.State, JobState.Running);
        return await database.Jobs.Find(isRunning).Project(job => job.Id).ToListAsync(cancellationToken);
    }

    private async Task<IReadOnlyList<Chunk>> RepublishAsync(
        IEnumerable<MongoChunk> chunks,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken
    )
    {
        var republished = new List<MongoChunk>();
        foreach (var chunk in chunks)
        {
            var now = clock.Now();
            var update = Set.Set(item => item.State, ChunkState.Published)
                .Inc(item => item.PublishCount, 1)
                .Set(item => item.Published, now)
                .Set(item => item.Until, now + visibilityTimeout)
                .Unset(item => item.Worker);
            if (!await MongoChunkUpdates.TryUpdateAsync(database, chunk, MongoChunkUpdates.WithCrash(chunk, update), cancellationToken))
                continue;
            republished.Add(
                MongoChunkUpdates.AfterCrash(chunk) with
                {
                    State = ChunkState.Published,
                    PublishCount = chunk.PublishCount + 1,
                    Published = now,
                    Until = now + visibilityTimeout,
                    Worker = null,
                }
            );
        }
        return await ToPublishAsync(republished, cancellationToken);
    }

    /// <summary>
    /// Claims planned chunks in one write. Another process may claim some of them at the same time, so the write marks its chunks with
    /// an id of this call.
    /// </summary>
    /// <param name="chunks">Planned chunks with equal publish counts and attempts.</param>
    /// <returns>The claimed chunks.</returns>
    private async Task<IReadOnlyList<MongoChunk>> PublishPlannedAsync(
        IReadOnlyList<MongoChunk> chunks,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken
    )
    {
        var (now, claim, publishCount) = (clock.Now(), ObjectId.GenerateNewId(), chunks[0].PublishCount);
        var areGiven = Where.In(chunk => chunk.Id, chunks.Select(chunk => chunk.Id));
        var published = await database.Chunks.UpdateManyAsync(
            areGiven
                & Where.Eq(chunk => chunk.State, ChunkState.Planned)
                & Where.Eq(chunk => chunk.PublishCount, publishCount)
                & Where.Eq(chunk => chunk.Attempts, chunks[0].Attempts),
            Set.Set(chunk => chunk.State, ChunkState.Published)
                .Set(chunk => chunk.PublishCount, publishCount + 1)
                .Set(chunk => chunk.Published, now)
                .Set(chunk => chunk.Until, now + visibilityTimeout)
                .Set(chunk => chunk.Claim, claim)
                .Unset(chunk => chunk.Worker),
            null,
            cancellationToken
        );
        if (published.ModifiedCount < chunks.Count)
        {
            var claimed = await database
                .Chunks.Find(areGiven & Where.Eq(chunk => chunk.Claim, claim))
                .Project(chunk => chunk.Id)
                .ToListAsync(cancellationToken);
            chunks = [.. chunks.Where(chunk => claimed.Contains(chunk.Id))];
        }
        return
        [
            .. chunks.Select(chunk =>
                chunk with
                {
                    State = ChunkState.Published,
                    PublishCount = publishCount + 1,
                    Published = now,
                    Until = now + visibilityTimeout,
                    Worker = null,
                }
            ),
        ];
    }

    /// <summary>Returns the chunks with their references. A chunk without references belongs to a job that was deleted meanwhile.</summary>
    private async Task<IReadOnlyList<Chunk>> ToPublishAsync(IEnumerable<MongoChunk> chunks, CancellationToken cancellationToken)
    {
        var complete = await _reader.WithReferencesAsync([.. chunks], cancellationToken);
        return [.. complete.Where(chunk => chunk.References.Count > 0)];
    }
}
