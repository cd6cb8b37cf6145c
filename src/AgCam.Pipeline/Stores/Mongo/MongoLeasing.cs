using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Describes the lease that a worker asks for.</summary>
internal sealed record WantedLease(ExplainImages Message, string Worker, TimeSpan Duration, bool Redelivered);

/// <summary>Leases chunks to workers, extends leases and releases them.</summary>
internal sealed class MongoLeasing(MongoDatabase database, MongoDeletion deletion, RunningJobs running, TimeProvider clock)
{
    private static readonly UpdateDefinitionBuilder<MongoChunk> Set = Builders<MongoChunk>.Update;

    private readonly MongoChunkReader _reader = new(database);
    private readonly MongoRequests _requests = new(database, deletion, clock);

    public async Task<LeaseAnswer> LeaseAsync(WantedLease wanted, CancellationToken cancellationToken)
    {
        var message = wanted.Message;
        if (message.JobId is null && !await TryAddRequestAsync(message, wanted.Duration, cancellationToken))
            return new LeaseAnswer(LeaseOutcome.KeyUsed, null, null);
        // Each turn reads the chunk and tries one compare-and-set. Another turn is needed only when another process moved the chunk.
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (await IsRunningAsync(message, cancellationToken) && await TryLeasePublishedAsync(wanted, cancellationToken) is { } granted)
                return granted;
            var job = message.JobId is { } id ? await _reader.JobStateAsync(id, cancellationToken) : JobState.Running;
            if (await TryLeaseAsync(wanted, job, cancellationToken) is { } answer)
                return answer;
        }
    }

    public async Task<bool> HeartbeatAsync(ChunkLease held, TimeSpan lease, CancellationToken cancellationToken)
    {
        var extended = Set.Set(chunk => chunk.Until, clock.Now() + lease);
        return (await database.Chunks.UpdateOneAsync(MongoChunkUpdates.Held(held), extended, null, cancellationToken)).MatchedCount > 0;
    }

    public async Task<bool> ReleaseAsync(ChunkLease held, TimeSpan visibilityTimeout, bool faulted, CancellationToken cancellationToken)
    {
        var isHeld = MongoChunkUpdates.Held(held);
        if (!await database.Chunks.Find(isHeld).AnyAsync(cancellationToken))
            return false;
        // Notes first: after a crash in between, an image has one start too few rather than one too many.
        var isBegun = MongoIsolated.In(held.Owner, held.Number) & Builders<MongoIsolated>.Filter.Eq(item => item.Attempt, held.Attempt);
        var notBegun = Builders<MongoIsolated>.Update.Inc(item => item.Starts, -1).Set(item => item.Attempt, 0);
        await database.Isolated.UpdateManyAsync(isBegun, notBegun, null, cancellationToken);
        var released = Set.Set(chunk => chunk.State, ChunkState.Published)
            .Set(chunk => chunk.Until, clock.Now() + visibilityTimeout)
            .Unset(chunk => chunk.Worker);
        if (faulted)
            released = released.Inc(chunk => chunk.Faults, 1);
        return (await database.Chunks.UpdateOneAsync(isHeld, released, null, cancellationToken)).ModifiedCount > 0;
    }

    /// <summary>Stores the chunk of a request whose first message this is.</summary>
    /// <returns>False when a job or another request has its key.</returns>
    private async Task<bool> TryAddRequestAsync(ExplainImages message, TimeSpan lease, CancellationToken cancellationToken)
    {
        if (
            await _reader.FindAsync(message.Owner, message.Chunk, cancellationToken) is not null
            || await deletion.IsDeletedAsync(message.Owner, cancellationToken)
        )
            return true;
        if (await MongoClaims.TryAsync(database, message.Owner, Claim.Of(message, owner: null), cancellationToken) is not null)
            return false;
        await _requests.AddAsync(message, lease, cancellationToken);
        return true;
    }

    /// <summary>Returns whether the message's job is running, as of at most <see cref="RunningJobs.MaxAge"/> ago.</summary>
    private async Task<bool> IsRunningAsync(ExplainImages message, CancellationToken cancellationToken)
    {
        if (message.JobId is not { } job || running.Contains(job))
            return true;
        if (await _reader.JobStateAsync(job, cancellationToken) != JobState.Running)
            return false;
        running.Add(job);
        return true;
    }

    /// <summary>Leases a chunk that is Published as the message says, in one write. Nearly every chunk is.</summary>
    /// <returns>Null when the chunk is in another state.</returns>
    private async Task<LeaseAnswer?> TryLeasePublishedAsync(WantedLease wanted, CancellationToken cancellationToken)
    {
        var message = wanted.Message;
        var published = new BsonDocument
        {
            { "_id", MongoKeys.Of(message.Owner, message.Chunk) },
            { "state", nameof(ChunkState.Published) },
            { "publishCount", message.PublishCount },
        };
        if (message.JobId is not null)
            published["generation"] = message.Generation;
        else
            published["hash"] = MongoKeys.Id(message.Hash());
        var chunk = await database.Chunks.FindOneAndUpdateAsync<MongoChunk>(
            published,
            Leased(wanted, clock.Now()),
            new() { ReturnDocument = ReturnDocument.After },
            cancellationToken
        );
        return chunk is null ? null : await GrantedAsync(chunk, message, cancellationToken);
    }

    /// <summary>Reads the chunk, then leases it or returns why it cannot be leased.</summary>
    /// <param name="job">State of the job; null when it is deleted.</param>
    /// <returns>Null when another process moved the chunk meanwhile.</returns>
    private async Task<LeaseAnswer?> TryLeaseAsync(WantedLease wanted, JobState? job, CancellationToken cancellationToken)
    {
        var message = wanted.Message;
        if (job is null || await _reader.FindAsync(message.Owner, message.Chunk, cancellationToken) is not { } chunk)
            return new LeaseAnswer(LeaseOutcome.Gone, null, null);
        if (message.JobId is null && chunk.Hash != message.Hash())
            return new LeaseAnswer(LeaseOutcome.KeyUsed, null, null);
        var now = clock.Now();
        if (Refusal(wanted, chunk, job.Value, now) is { } refusal)
            return await AnswerAsync(refusal, chunk, cancellationToken);
        if (job == JobState.Paused)
        {
            var replanned = MongoChunkUpdates.WithCrash(chunk, MongoChunkUpdates.Replanned);
            if (!await MongoChunkUpdates.TryUpdateAsync(database, chunk, replanned, cancellationToken))
                return null;
            chunk = (await _reader.FindAsync(message.Owner, message.Chunk, cancellationToken))!;
            return await AnswerAsync(LeaseOutcome.Paused, chunk, cancellationToken);
        }
        var leased = MongoChunkUpdates.WithCrash(chunk, Leased(wanted, now));
        if (!await MongoChunkUpdates.TryUpdateAsync(database, chunk, leased, cancellationToken))
            return null;
        return await GrantedAsync(
            MongoChunkUpdates.AfterCrash(chunk) with
            {
                State = ChunkState.Leased,
                Attempts = chunk.Attempts + 1,
                Worker = wanted.Worker,
                Leased = now,
                Until = now + wanted.Duration,
            },
            message,
            cancellationToken
        );
    }

    /// <summary>Returns why the chunk stays as it is; null when its lease or its job's pause has to change it.</summary>
    private static LeaseOutcome? Refusal(WantedLease wanted, MongoChunk chunk, JobState job, DateTimeOffset now)
    {
        var message = wanted.Message;
        if (message.JobId is not null && message.Generation != chunk.Generation)
            return LeaseOutcome.Stale;
        if (MongoChunk.Ended.Contains(chunk.State))
            return LeaseOutcome.Done;
        if (job == JobState.Cancelled)
            return LeaseOutcome.Cancelled;
        if (message.PublishCount < chunk.PublishCount || chunk.State == ChunkState.Planned)
            return LeaseOutcome.Stale;
        if (chunk.State == ChunkState.Leased && !wanted.Redelivered && chunk.Until > now)
            return LeaseOutcome.Held;
        return null;
    }

    private async Task<LeaseAnswer> AnswerAsync(LeaseOutcome outcome, MongoChunk chunk, CancellationToken cancellationToken) =>
        new(outcome, null, (await _reader.WithReferencesAsync([chunk], cancellationToken))[0]);

    /// <summary>Returns the granted lease. The references are those of the message, so that nothing is read.</summary>
    private async Task<LeaseAnswer> GrantedAsync(MongoChunk leased, ExplainImages message, CancellationToken cancellationToken) =>
        new(
            LeaseOutcome.Granted,
            new ChunkLease(message.Owner, message.Chunk, leased.Attempts, leased.Generation),
            await _reader.WithIsolatedAsync(leased, message.References, cancellationToken)
        );

    private static UpdateDefinition<MongoChunk> Leased(WantedLease wanted, DateTimeOffset now) =>
        Set.Set(chunk => chunk.State, ChunkState.Leased)
            .Inc(chunk => chunk.Attempts, 1)
            .Set(chunk => chunk.Worker, wanted.Worker)
            .Set(chunk => chunk.Leased, now)
            .Set(chunk => chunk.Until, now + wanted.Duration);
}
