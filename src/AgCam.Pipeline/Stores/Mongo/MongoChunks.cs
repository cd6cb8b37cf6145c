using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>The generation of chunks up to their lease; what a worker stores is in <see cref="MongoSave"/>.</summary>
internal sealed class MongoChunks(
    MongoDatabase database,
    MongoDeletion deletion,
    MongoLedger ledger,
    RunningJobs running,
    MongoSchema schema,
    TimeProvider clock
) : IChunks
{
    private static readonly ChunkState[] Flying = [ChunkState.Published, ChunkState.Leased];
    private static readonly FilterDefinitionBuilder<MongoChunk> Where = Builders<MongoChunk>.Filter;
    private static readonly UpdateDefinitionBuilder<MongoChunk> Set = Builders<MongoChunk>.Update;

    private readonly MongoSave _save = new(database, deletion, ledger, clock);

    public Task<Chunk?> FindAsync(Guid owner, int number, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
            await FindRowAsync(owner, number, cancellationToken) is { } chunk ? (await WholeAsync([chunk], cancellationToken))[0] : null
        );

    public Task<IReadOnlyList<Chunk>> ClaimPlannedAsync(
        Guid job,
        int window,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken = default
    ) =>
        MongoDatabase.RunAsync<IReadOnlyList<Chunk>>(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            if (await StateAsync(job, cancellationToken) != JobState.Running)
                return [];
            var ofJob = Where.Eq(chunk => chunk.Id.Job, job);
            var flying = await database.Chunks.CountDocumentsAsync(ofJob & Where.In(chunk => chunk.State, Flying), null, cancellationToken);
            if (flying >= window)
                return [];
            var planned = await database
                .Chunks.Find(ofJob & Where.Eq(chunk => chunk.State, ChunkState.Planned))
                .Sort(Builders<MongoChunk>.Sort.Ascending(chunk => chunk.Id.N))
                .Limit(window - (int)flying)
                .ToListAsync(cancellationToken);
            var taken = new List<MongoChunk>();
            foreach (var alike in planned.GroupBy(chunk => (chunk.PublishCount, chunk.Attempts)))
                taken.AddRange(await PublishPlannedAsync([.. alike], visibilityTimeout, cancellationToken));
            return await ToPublishAsync(taken.OrderBy(chunk => chunk.Id.N), cancellationToken);
        });

    public Task<IReadOnlyList<Chunk>> RequeueExpiredAsync(
        TimeSpan visibilityTimeout,
        int limit = 100,
        bool all = false,
        CancellationToken cancellationToken = default
    ) =>
        MongoDatabase.RunAsync<IReadOnlyList<Chunk>>(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            var over = Where.In(chunk => chunk.State, Flying);
            if (!all)
                over &= Where.Lte(chunk => chunk.Until, clock.Now());
            var found = await database
                .Chunks.Find(over)
                .Sort(Builders<MongoChunk>.Sort.Ascending(chunk => chunk.Until))
                .Limit(all ? null : limit)
                .ToListAsync(cancellationToken);
            var owners = found.Where(chunk => chunk.Direct is null).Select(chunk => chunk.Id.Job).Distinct().ToArray();
            var running = await database
                .Jobs.Find(
                    Builders<MongoJob>.Filter.In(job => job.Id, owners) & Builders<MongoJob>.Filter.Eq(job => job.State, JobState.Running)
                )
                .Project(job => job.Id)
                .ToListAsync(cancellationToken);
            var isRunning = found.ToLookup(chunk => chunk.Direct is not null || running.Contains(chunk.Id.Job));
            foreach (var chunk in isRunning[false])
                await TryAsync(chunk, WithCrash(chunk, PlannedAgain), cancellationToken);
            return await PublishAsync(isRunning[true], visibilityTimeout, cancellationToken);
        });

    public Task<Claim?> FindClaimAsync(Guid owner, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => MongoClaims.FindAsync(database, owner, cancellationToken));

    public Task<Chunk> AcceptAsync(
        ExplainImages request,
        TimeSpan visibilityTimeout,
        string? owner = null,
        CancellationToken cancellationToken = default
    )
    {
        ChunkRules.ThrowIfOfJob(request);
        return MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            await deletion.ForgetAsync(request.Owner, cancellationToken);
            await MongoClaims.ClaimAsync(database, request.Owner, Claim.Of(request, owner), cancellationToken);
            await AddRequestAsync(request, visibilityTimeout, cancellationToken);
            return await WithIsolatedAsync((await FindRowAsync(request.Owner, request.Chunk, cancellationToken))!, null, cancellationToken);
        });
    }

    public Task<int> ForgetRequestsAsync(TimeSpan age, int limit = 1000, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var old = await database
                .Chunks.Find(Where.Eq(chunk => chunk.Direct, true) & Where.Lt(chunk => chunk.Done, clock.Now() - age))
                .Limit(limit)
                .Project(chunk => chunk.Id)
                .ToListAsync(cancellationToken);
            return (int)(await database.Chunks.DeleteManyAsync(Where.In(chunk => chunk.Id, old), cancellationToken)).DeletedCount;
        });

    public Task<LeaseAnswer> LeaseAsync(
        ExplainImages message,
        string worker,
        TimeSpan lease,
        bool redelivered = false,
        CancellationToken cancellationToken = default
    ) =>
        MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            if (
                message.JobId is null
                && await FindRowAsync(message.Owner, message.Chunk, cancellationToken) is null
                && !await deletion.IsDeletedAsync(message.Owner, cancellationToken)
            )
            {
                if (await MongoClaims.TryAsync(database, message.Owner, Claim.Of(message, owner: null), cancellationToken) is not null)
                    return new LeaseAnswer(LeaseOutcome.KeyUsed, null, null);
                await AddRequestAsync(message, lease, cancellationToken);
            }
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (
                    await IsRunningAsync(message, cancellationToken)
                    && await TryUsualLeaseAsync(message, worker, lease, cancellationToken) is { } granted
                )
                    return granted;
                var job = message.JobId is { } id ? await StateAsync(id, cancellationToken) : JobState.Running;
                if (await TryLeaseAsync(message, job, worker, lease, redelivered, cancellationToken) is { } answer)
                    return answer;
            }
        });

    public Task<bool> HeartbeatAsync(ChunkLease held, TimeSpan lease, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
            (
                await database.Chunks.UpdateOneAsync(
                    Held(held),
                    Set.Set(chunk => chunk.Until, clock.Now() + lease),
                    null,
                    cancellationToken
                )
            ).MatchedCount > 0
        );

    public Task<bool> ReleaseAsync(
        ChunkLease held,
        TimeSpan visibilityTimeout,
        bool faulted = false,
        CancellationToken cancellationToken = default
    ) =>
        MongoDatabase.RunAsync(async () =>
        {
            // The notes first: should the process end in between, an image is blamed once too few, not once too many.
            if (!await database.Chunks.Find(Held(held)).AnyAsync(cancellationToken))
                return false;
            var begun =
                MongoDeletion.Isolated(held.Owner, held.Number) & Builders<MongoIsolated>.Filter.Eq(alone => alone.Attempt, held.Attempt);
            await database.Isolated.UpdateManyAsync(
                begun,
                Builders<MongoIsolated>.Update.Inc(alone => alone.Starts, -1).Set(alone => alone.Attempt, 0),
                null,
                cancellationToken
            );
            var released = Set.Set(chunk => chunk.State, ChunkState.Published)
                .Set(chunk => chunk.Until, clock.Now() + visibilityTimeout)
                .Unset(chunk => chunk.Worker);
            return (
                    await database.Chunks.UpdateOneAsync(
                        Held(held),
                        faulted ? released.Inc(chunk => chunk.Faults, 1) : released,
                        null,
                        cancellationToken
                    )
                ).ModifiedCount > 0;
        });

    public Task<int> BeginIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            if (
                (
                    await database.Chunks.UpdateOneAsync(Held(held), Set.Set(chunk => chunk.HasIsolated, true), null, cancellationToken)
                ).MatchedCount == 0
            )
                return -1;
            var key = IsolatedKey(held, number);
            var before = await database.Isolated.Find(alone => alone.Id == key).FirstOrDefaultAsync(cancellationToken);
            await database.Isolated.UpdateOneAsync(
                alone => alone.Id == key,
                Builders<MongoIsolated>.Update.Inc(alone => alone.Starts, 1).Set(alone => alone.Attempt, held.Attempt),
                new UpdateOptions { IsUpsert = true },
                cancellationToken
            );
            return before?.Starts ?? 0;
        });

    public Task EndIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var key = IsolatedKey(held, number);
            if (await database.Chunks.Find(Held(held)).AnyAsync(cancellationToken))
                await database.Isolated.DeleteOneAsync(alone => alone.Id == key, cancellationToken);
        });

    public Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            return await _save.SaveAsync(chunks, cancellationToken);
        });

    /// <summary>Now or a moment ago.</summary>
    private async Task<bool> IsRunningAsync(ExplainImages message, CancellationToken cancellationToken)
    {
        if (message.JobId is not { } job || running.Saw(job))
            return true;
        if (await StateAsync(job, cancellationToken) != JobState.Running)
            return false;
        running.See(job);
        return true;
    }

    /// <summary>Of a chunk that is published as the message says, which nearly all are: one write, and no look before it.</summary>
    /// <returns>Null when it is not: look closely.</returns>
    private async Task<LeaseAnswer?> TryUsualLeaseAsync(
        ExplainImages message,
        string worker,
        TimeSpan lease,
        CancellationToken cancellationToken
    )
    {
        var published = new BsonDocument
        {
            { "_id", MongoRaw.Key(message.Owner, message.Chunk) },
            { "state", nameof(ChunkState.Published) },
            { "publishCount", message.PublishCount },
        };
        if (message.JobId is not null)
            published["generation"] = message.Generation;
        else
            published["hash"] = MongoRaw.Id(message.Hash());
        var chunk = await database.Chunks.FindOneAndUpdateAsync<MongoChunk>(
            published,
            Leased(worker, clock.Now(), lease),
            new() { ReturnDocument = ReturnDocument.After },
            cancellationToken
        );
        return chunk is null ? null : await GrantedAsync(chunk, message, cancellationToken);
    }

    private static UpdateDefinition<MongoChunk> Leased(string worker, DateTimeOffset now, TimeSpan lease) =>
        Set.Set(chunk => chunk.State, ChunkState.Leased)
            .Inc(chunk => chunk.Attempts, 1)
            .Set(chunk => chunk.Worker, worker)
            .Set(chunk => chunk.Leased, now)
            .Set(chunk => chunk.Until, now + lease);

    private async Task<LeaseAnswer> GrantedAsync(MongoChunk leased, ExplainImages message, CancellationToken cancellationToken) =>
        new(
            LeaseOutcome.Granted,
            new ChunkLease(message.Owner, message.Chunk, leased.Attempts, leased.Generation),
            await WithIsolatedAsync(leased, message.References, cancellationToken)
        );

    /// <returns>Null when somebody else moved the chunk meanwhile: look again.</returns>
    private async Task<LeaseAnswer?> TryLeaseAsync(
        ExplainImages message,
        JobState? job,
        string worker,
        TimeSpan lease,
        bool redelivered,
        CancellationToken cancellationToken
    )
    {
        if (job is null || await FindRowAsync(message.Owner, message.Chunk, cancellationToken) is not { } chunk)
            return new LeaseAnswer(LeaseOutcome.Gone, null, null);
        if (message.JobId is null && chunk.Hash != message.Hash())
            return new LeaseAnswer(LeaseOutcome.KeyUsed, null, null);
        async Task<LeaseAnswer> AnswerAsync(LeaseOutcome outcome) => new(outcome, null, (await WholeAsync([chunk], cancellationToken))[0]);
        var now = clock.Now();
        if (message.JobId is not null && message.Generation != chunk.Generation)
            return await AnswerAsync(LeaseOutcome.Stale);
        if (MongoChunk.Ended.Contains(chunk.State))
            return await AnswerAsync(LeaseOutcome.Done);
        if (job == JobState.Cancelled)
            return await AnswerAsync(LeaseOutcome.Cancelled);
        if (message.PublishCount < chunk.PublishCount || chunk.State == ChunkState.Planned)
            return await AnswerAsync(LeaseOutcome.Stale);
        if (chunk.State == ChunkState.Leased && !redelivered && chunk.Until > now)
            return await AnswerAsync(LeaseOutcome.Held);
        if (job == JobState.Paused)
        {
            if (!await TryAsync(chunk, WithCrash(chunk, PlannedAgain), cancellationToken))
                return null;
            chunk = (await FindRowAsync(message.Owner, message.Chunk, cancellationToken))!;
            return await AnswerAsync(LeaseOutcome.Paused);
        }
        if (!await TryAsync(chunk, WithCrash(chunk, Leased(worker, now, lease)), cancellationToken))
            return null;
        return await GrantedAsync(
            Crashed(chunk) with
            {
                State = ChunkState.Leased,
                Attempts = chunk.Attempts + 1,
                Worker = worker,
                Leased = now,
                Until = now + lease,
            },
            message,
            cancellationToken
        );
    }

    private async Task<IReadOnlyList<Chunk>> PublishAsync(
        IEnumerable<MongoChunk> chunks,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken
    )
    {
        var taken = new List<MongoChunk>();
        foreach (var chunk in chunks)
        {
            var now = clock.Now();
            var published = Set.Set(item => item.State, ChunkState.Published)
                .Inc(item => item.PublishCount, 1)
                .Set(item => item.Published, now)
                .Set(item => item.Until, now + visibilityTimeout)
                .Unset(item => item.Worker);
            if (await TryAsync(chunk, WithCrash(chunk, published), cancellationToken))
                taken.Add(
                    Crashed(chunk) with
                    {
                        State = ChunkState.Published,
                        PublishCount = chunk.PublishCount + 1,
                        Published = now,
                        Until = now + visibilityTimeout,
                        Worker = null,
                    }
                );
        }
        return await ToPublishAsync(taken, cancellationToken);
    }

    /// <summary>In one write for all of them. Who else writes takes none of them, or some: which, their marks say.</summary>
    /// <param name="chunks">Planned, with one publish count and with as many attempts.</param>
    private async Task<IReadOnlyList<MongoChunk>> PublishPlannedAsync(
        IReadOnlyList<MongoChunk> chunks,
        TimeSpan visibilityTimeout,
        CancellationToken cancellationToken
    )
    {
        var (now, take, publishCount) = (clock.Now(), ObjectId.GenerateNewId(), chunks[0].PublishCount);
        var these = Where.In(chunk => chunk.Id, chunks.Select(chunk => chunk.Id));
        var published = await database.Chunks.UpdateManyAsync(
            these
                & Where.Eq(chunk => chunk.State, ChunkState.Planned)
                & Where.Eq(chunk => chunk.PublishCount, publishCount)
                & Where.Eq(chunk => chunk.Attempts, chunks[0].Attempts),
            Set.Set(chunk => chunk.State, ChunkState.Published)
                .Set(chunk => chunk.PublishCount, publishCount + 1)
                .Set(chunk => chunk.Published, now)
                .Set(chunk => chunk.Until, now + visibilityTimeout)
                .Set(chunk => chunk.Claim, take)
                .Unset(chunk => chunk.Worker),
            null,
            cancellationToken
        );
        if (published.ModifiedCount < chunks.Count)
        {
            var marked = await database
                .Chunks.Find(these & Where.Eq(chunk => chunk.Claim, take))
                .Project(chunk => chunk.Id)
                .ToListAsync(cancellationToken);
            chunks = [.. chunks.Where(chunk => marked.Contains(chunk.Id))];
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

    /// <summary>With what they are to compute. A chunk without it is of a job that was deleted meanwhile.</summary>
    private async Task<IReadOnlyList<Chunk>> ToPublishAsync(IEnumerable<MongoChunk> taken, CancellationToken cancellationToken) =>
        [.. (await WholeAsync([.. taken], cancellationToken)).Where(chunk => chunk.References.Count > 0)];

    private static UpdateDefinition<MongoChunk> PlannedAgain =>
        Set.Set(chunk => chunk.State, ChunkState.Planned).Unset(chunk => chunk.Worker).Unset(chunk => chunk.Until);

    /// <summary>What takes a chunk from a worker that still held it counts a crash, in the same write.</summary>
    private static UpdateDefinition<MongoChunk> WithCrash(MongoChunk chunk, UpdateDefinition<MongoChunk> update) =>
        chunk.State == ChunkState.Leased
            ? update.Inc(item => item.Crashes, 1).Set(item => item.Note, ChunkRules.CrashNote(chunk.ToChunk()))
            : update;

    /// <summary>What <see cref="WithCrash"/> makes of it.</summary>
    private static MongoChunk Crashed(MongoChunk chunk) =>
        chunk.State == ChunkState.Leased ? chunk with { Crashes = chunk.Crashes + 1, Note = ChunkRules.CrashNote(chunk.ToChunk()) } : chunk;

    /// <summary>The compare-and-set: only if nobody has moved the chunk, nor kept its lease alive, since it was read.</summary>
    private async Task<bool> TryAsync(MongoChunk chunk, UpdateDefinition<MongoChunk> update, CancellationToken cancellationToken)
    {
        var unmoved =
            Where.Eq(item => item.Id, chunk.Id)
            & Where.Eq(item => item.State, chunk.State)
            & Where.Eq(item => item.PublishCount, chunk.PublishCount)
            & Where.Eq(item => item.Attempts, chunk.Attempts)
            & Where.Eq(item => item.Until, chunk.Until);
        return (await database.Chunks.UpdateOneAsync(unmoved, update, null, cancellationToken)).ModifiedCount > 0;
    }

    private async Task AddRequestAsync(ExplainImages request, TimeSpan visibilityTimeout, CancellationToken cancellationToken)
    {
        var now = clock.Now();
        await MongoDatabase.InsertNewAsync(
            database.Chunks,
            new MongoChunk
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
            },
            cancellationToken
        );
    }

    private static FilterDefinition<MongoChunk> Held(ChunkLease held) => MongoSave.Held(held);

    private static MongoIsolatedKey IsolatedKey(ChunkLease held, int number) =>
        new()
        {
            Job = held.Owner,
            Chunk = held.Number,
            N = number,
        };

    private Task<MongoChunk?> FindRowAsync(Guid owner, int number, CancellationToken cancellationToken) =>
        database.Chunks.Find(new BsonDocument("_id", MongoRaw.Key(owner, number))).FirstOrDefaultAsync(cancellationToken)!;

    private async Task<JobState?> StateAsync(Guid job, CancellationToken cancellationToken) =>
        await database.Jobs.Find(MongoJob.Is(job)).Project(MongoJob.OnlyState).FirstOrDefaultAsync(cancellationToken) is { } found
            ? Enum.Parse<JobState>(found["state"].AsString)
            : null;

    /// <summary>The documents that hold what these chunks are to compute.</summary>
    public static FilterDefinition<MongoReferences> ReferencesOf(IEnumerable<MongoChunk> chunks) =>
        Builders<MongoReferences>.Filter.In(references => references.Id, chunks.Select(MongoReferencesKey.Of).OfType<MongoReferencesKey>());

    /// <summary>With their references and the notes of what was begun alone.</summary>
    private async Task<IReadOnlyList<Chunk>> WholeAsync(IReadOnlyList<MongoChunk> chunks, CancellationToken cancellationToken)
    {
        var open = chunks.Where(chunk => chunk.Plan is not null && !MongoChunk.Ended.Contains(chunk.State)).ToList();
        var references =
            open.Count == 0
                ? []
                : (await database.References.Find(ReferencesOf(open)).ToListAsync(cancellationToken)).ToDictionary(
                    item => item.Id,
                    item => item.Refs
                );
        var whole = new List<Chunk>();
        foreach (var chunk in chunks)
            whole.Add(
                await WithIsolatedAsync(
                    chunk,
                    MongoReferencesKey.Of(chunk) is { } key ? references.GetValueOrDefault(key) : null,
                    cancellationToken
                )
            );
        return whole;
    }

    private async Task<Chunk> WithIsolatedAsync(
        MongoChunk chunk,
        IReadOnlyList<ImageReference>? references,
        CancellationToken cancellationToken
    )
    {
        if (chunk.Crashes == 0 || chunk.HasIsolated is null)
            return chunk.ToChunk(references);
        var alone = await database
            .Isolated.Find(MongoDeletion.Isolated(chunk.Id.Job, chunk.Id.N) & Builders<MongoIsolated>.Filter.Gt(item => item.Starts, 0))
            .ToListAsync(cancellationToken);
        return chunk.ToChunk(references, alone.ToDictionary(item => item.Id.N, item => item.Starts));
    }
}
