using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>The life of chunks up to their lease; what a worker stores is in <see cref="MongoSave"/>.</summary>
internal sealed class MongoChunks(
    MongoDatabase database, MongoDeletion deletion, MongoLedger ledger, RunningJobs running, MongoSchema schema, TimeProvider clock)
    : IChunks
{
    private static readonly ChunkState[] Flying = [ChunkState.Published, ChunkState.Leased];
    private static readonly FilterDefinitionBuilder<MongoChunk> Where = Builders<MongoChunk>.Filter;
    private static readonly UpdateDefinitionBuilder<MongoChunk> Set = Builders<MongoChunk>.Update;

    private readonly MongoSave _save = new(database, deletion, ledger, clock);

    public Task<Chunk?> FindAsync(Guid owner, int number, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
        await FindRowAsync(owner, number, cancel) is { } chunk ? (await WholeAsync([chunk], cancel))[0] : null);

    public Task<IReadOnlyList<Chunk>> TakeAsync(Guid job, int window, TimeSpan trust, CancellationToken cancel = default) => MongoDatabase.RunAsync<IReadOnlyList<Chunk>>(async () =>
    {
        await schema.ThrowIfNewerAsync(cancel);
        if (await StateAsync(job, cancel) != JobState.Running)
            return [];
        var ofJob = Where.Eq(chunk => chunk.Id.Job, job);
        var flying = await database.Chunks.CountDocumentsAsync(ofJob & Where.In(chunk => chunk.State, Flying), null, cancel);
        if (flying >= window)
            return [];
        var planned = await database.Chunks.Find(ofJob & Where.Eq(chunk => chunk.State, ChunkState.Planned)).Sort(Builders<MongoChunk>.Sort.Ascending(chunk => chunk.Id.N))
            .Limit(window - (int)flying).ToListAsync(cancel);
        var taken = new List<MongoChunk>();
        foreach (var alike in planned.GroupBy(chunk => (chunk.Epoch, chunk.Attempts)))
            taken.AddRange(await PublishPlannedAsync([.. alike], trust, cancel));
        return await ToPublishAsync(taken.OrderBy(chunk => chunk.Id.N), cancel);
    });

    public Task<IReadOnlyList<Chunk>> RetakeAsync(TimeSpan trust, int limit = 100, bool all = false, CancellationToken cancel = default) => MongoDatabase.RunAsync<IReadOnlyList<Chunk>>(async () =>
    {
        await schema.ThrowIfNewerAsync(cancel);
        var over = Where.In(chunk => chunk.State, Flying);
        if (!all)
            over &= Where.Lte(chunk => chunk.Until, clock.Now());
        var found = await database.Chunks.Find(over).Sort(Builders<MongoChunk>.Sort.Ascending(chunk => chunk.Until)).Limit(all ? null : limit).ToListAsync(cancel);
        var owners = found.Where(chunk => chunk.Direct is null).Select(chunk => chunk.Id.Job).Distinct().ToArray();
        var running = await database.Jobs.Find(Builders<MongoJob>.Filter.In(job => job.Id, owners) & Builders<MongoJob>.Filter.Eq(job => job.State, JobState.Running))
            .Project(job => job.Id).ToListAsync(cancel);
        var isRunning = found.ToLookup(chunk => chunk.Direct is not null || running.Contains(chunk.Id.Job));
        foreach (var chunk in isRunning[false])
            await TryAsync(chunk, WithCrash(chunk, PlannedAgain), cancel);
        return await PublishAsync(isRunning[true], trust, cancel);
    });

    public Task<Claim?> FindClaimAsync(Guid owner, CancellationToken cancel = default) =>
        MongoDatabase.RunAsync(() => MongoClaims.FindAsync(database, owner, cancel));

    public Task<Chunk> AcceptAsync(ExplainImages request, TimeSpan trust, string? owner = null, CancellationToken cancel = default)
    {
        ChunkRules.ThrowIfOfJob(request);
        return MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancel);
            await deletion.ForgetAsync(request.Owner, cancel);
            await MongoClaims.ClaimAsync(database, request.Owner, Claim.Of(request, owner), cancel);
            await AddRequestAsync(request, trust, cancel);
            return await WithAloneAsync((await FindRowAsync(request.Owner, request.Chunk, cancel))!, null, cancel);
        });
    }

    public Task<int> ForgetRequestsAsync(TimeSpan age, int limit = 1000, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        var old = await database.Chunks.Find(Where.Eq(chunk => chunk.Direct, true) & Where.Lt(chunk => chunk.Done, clock.Now() - age)).Limit(limit).Project(chunk => chunk.Id).ToListAsync(cancel);
        return (int)(await database.Chunks.DeleteManyAsync(Where.In(chunk => chunk.Id, old), cancel)).DeletedCount;
    });

    public Task<LeaseAnswer> LeaseAsync(ExplainImages message, string worker, TimeSpan lease, bool redelivered = false, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        await schema.ThrowIfNewerAsync(cancel);
        if (message.JobId is null && await FindRowAsync(message.Owner, message.Chunk, cancel) is null && !await deletion.IsDeletedAsync(message.Owner, cancel))
        {
            if (await MongoClaims.TryAsync(database, message.Owner, Claim.Of(message, owner: null), cancel) is not null)
                return new LeaseAnswer(LeaseOutcome.KeyUsed, null, null);
            await AddRequestAsync(message, lease, cancel);
        }
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            if (await IsRunningAsync(message, cancel) && await TryUsualLeaseAsync(message, worker, lease, cancel) is { } granted)
                return granted;
            var job = message.JobId is { } id ? await StateAsync(id, cancel) : JobState.Running;
            if (await TryLeaseAsync(message, job, worker, lease, redelivered, cancel) is { } answer)
                return answer;
        }
    });

    public Task<bool> HeartbeatAsync(ChunkLease held, TimeSpan lease, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
        (await database.Chunks.UpdateOneAsync(Held(held), Set.Set(chunk => chunk.Until, clock.Now() + lease), null, cancel)).MatchedCount > 0);

    public Task<bool> ReleaseAsync(ChunkLease held, TimeSpan trust, bool faulted = false, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        // The notes first: should the process end in between, an image is blamed once too few, not once too many.
        if (!await database.Chunks.Find(Held(held)).AnyAsync(cancel))
            return false;
        var begun = MongoDeletion.Alone(held.Owner, held.Number) & Builders<MongoAlone>.Filter.Eq(alone => alone.Attempt, held.Attempt);
        await database.Alone.UpdateManyAsync(begun, Builders<MongoAlone>.Update.Inc(alone => alone.Starts, -1).Set(alone => alone.Attempt, 0), null, cancel);
        var released = Set.Set(chunk => chunk.State, ChunkState.Published).Set(chunk => chunk.Until, clock.Now() + trust).Unset(chunk => chunk.Worker);
        return (await database.Chunks.UpdateOneAsync(Held(held), faulted ? released.Inc(chunk => chunk.Faults, 1) : released, null, cancel)).ModifiedCount > 0;
    });

    public Task<int> BeginAloneAsync(ChunkLease held, int number, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        if ((await database.Chunks.UpdateOneAsync(Held(held), Set.Set(chunk => chunk.HasAlone, true), null, cancel)).MatchedCount == 0)
            return -1;
        var key = AloneKey(held, number);
        var before = await database.Alone.Find(alone => alone.Id == key).FirstOrDefaultAsync(cancel);
        await database.Alone.UpdateOneAsync(
            alone => alone.Id == key, Builders<MongoAlone>.Update.Inc(alone => alone.Starts, 1).Set(alone => alone.Attempt, held.Attempt), new UpdateOptions { IsUpsert = true }, cancel);
        return before?.Starts ?? 0;
    });

    public Task EndAloneAsync(ChunkLease held, int number, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        var key = AloneKey(held, number);
        if (await database.Chunks.Find(Held(held)).AnyAsync(cancel))
            await database.Alone.DeleteOneAsync(alone => alone.Id == key, cancel);
    });

    public Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancel = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancel);
            return await _save.SaveAsync(chunks, cancel);
        });

    /// <summary>Now or a moment ago.</summary>
    private async Task<bool> IsRunningAsync(ExplainImages message, CancellationToken cancel)
    {
        if (message.JobId is not { } job || running.Saw(job))
            return true;
        if (await StateAsync(job, cancel) != JobState.Running)
            return false;
        running.See(job);
        return true;
    }

    /// <summary>Of a chunk that is published as the message says, which nearly all are: one write, and no look before it.</summary>
    /// <returns>Null when it is not: look closely.</returns>
    private async Task<LeaseAnswer?> TryUsualLeaseAsync(ExplainImages message, string worker, TimeSpan lease, CancellationToken cancel)
    {
        var published = new BsonDocument { { "_id", MongoRaw.Key(message.Owner, message.Chunk) }, { "state", nameof(ChunkState.Published) }, { "epoch", message.Epoch } };
        if (message.JobId is not null)
            published["life"] = message.Life;
        else
            published["hash"] = MongoRaw.Id(message.Hash());
        var chunk = await database.Chunks.FindOneAndUpdateAsync<MongoChunk>(published, Leased(worker, clock.Now(), lease), new() { ReturnDocument = ReturnDocument.After }, cancel);
        return chunk is null ? null : await GrantedAsync(chunk, message, cancel);
    }

    private static UpdateDefinition<MongoChunk> Leased(string worker, DateTimeOffset now, TimeSpan lease) =>
        Set.Set(chunk => chunk.State, ChunkState.Leased).Inc(chunk => chunk.Attempts, 1).Set(chunk => chunk.Worker, worker).Set(chunk => chunk.Leased, now).Set(chunk => chunk.Until, now + lease);

    private async Task<LeaseAnswer> GrantedAsync(MongoChunk leased, ExplainImages message, CancellationToken cancel) =>
        new(
            LeaseOutcome.Granted, new ChunkLease(message.Owner, message.Chunk, leased.Attempts, leased.Life),
            await WithAloneAsync(leased, message.References, cancel));

    /// <returns>Null when somebody else moved the chunk meanwhile: look again.</returns>
    private async Task<LeaseAnswer?> TryLeaseAsync(ExplainImages message, JobState? job, string worker, TimeSpan lease, bool redelivered, CancellationToken cancel)
    {
        if (job is null || await FindRowAsync(message.Owner, message.Chunk, cancel) is not { } chunk)
            return new LeaseAnswer(LeaseOutcome.Gone, null, null);
        if (message.JobId is null && chunk.Hash != message.Hash())
            return new LeaseAnswer(LeaseOutcome.KeyUsed, null, null);
        async Task<LeaseAnswer> AnswerAsync(LeaseOutcome outcome) => new(outcome, null, (await WholeAsync([chunk], cancel))[0]);
        var now = clock.Now();
        if (message.JobId is not null && message.Life != chunk.Life)
            return await AnswerAsync(LeaseOutcome.Stale);
        if (MongoChunk.Ended.Contains(chunk.State))
            return await AnswerAsync(LeaseOutcome.Done);
        if (job == JobState.Cancelled)
            return await AnswerAsync(LeaseOutcome.Cancelled);
        if (message.Epoch < chunk.Epoch || chunk.State == ChunkState.Planned)
            return await AnswerAsync(LeaseOutcome.Stale);
        if (chunk.State == ChunkState.Leased && !redelivered && chunk.Until > now)
            return await AnswerAsync(LeaseOutcome.Held);
        if (job == JobState.Paused)
        {
            if (!await TryAsync(chunk, WithCrash(chunk, PlannedAgain), cancel))
                return null;
            chunk = (await FindRowAsync(message.Owner, message.Chunk, cancel))!;
            return await AnswerAsync(LeaseOutcome.Paused);
        }
        if (!await TryAsync(chunk, WithCrash(chunk, Leased(worker, now, lease)), cancel))
            return null;
        return await GrantedAsync(
            Crashed(chunk) with { State = ChunkState.Leased, Attempts = chunk.Attempts + 1, Worker = worker, Leased = now, Until = now + lease }, message, cancel);
    }

    private async Task<IReadOnlyList<Chunk>> PublishAsync(IEnumerable<MongoChunk> chunks, TimeSpan trust, CancellationToken cancel)
    {
        var taken = new List<MongoChunk>();
        foreach (var chunk in chunks)
        {
            var now = clock.Now();
            var published = Set.Set(one => one.State, ChunkState.Published).Inc(one => one.Epoch, 1).Set(one => one.Published, now).Set(one => one.Until, now + trust).Unset(one => one.Worker);
            if (await TryAsync(chunk, WithCrash(chunk, published), cancel))
                taken.Add(Crashed(chunk) with { State = ChunkState.Published, Epoch = chunk.Epoch + 1, Published = now, Until = now + trust, Worker = null });
        }
        return await ToPublishAsync(taken, cancel);
    }

    /// <summary>In one write for all of them. Who else writes takes none of them, or some: which, their marks say.</summary>
    /// <param name="chunks">Planned, of one epoch and with as many attempts.</param>
    private async Task<IReadOnlyList<MongoChunk>> PublishPlannedAsync(IReadOnlyList<MongoChunk> chunks, TimeSpan trust, CancellationToken cancel)
    {
        var (now, take, epoch) = (clock.Now(), ObjectId.GenerateNewId(), chunks[0].Epoch);
        var these = Where.In(chunk => chunk.Id, chunks.Select(chunk => chunk.Id));
        var published = await database.Chunks.UpdateManyAsync(
            these & Where.Eq(chunk => chunk.State, ChunkState.Planned) & Where.Eq(chunk => chunk.Epoch, epoch) & Where.Eq(chunk => chunk.Attempts, chunks[0].Attempts),
            Set.Set(chunk => chunk.State, ChunkState.Published).Set(chunk => chunk.Epoch, epoch + 1).Set(chunk => chunk.Published, now).Set(chunk => chunk.Until, now + trust)
                .Set(chunk => chunk.Take, take).Unset(chunk => chunk.Worker),
            null, cancel);
        if (published.ModifiedCount < chunks.Count)
        {
            var marked = await database.Chunks.Find(these & Where.Eq(chunk => chunk.Take, take)).Project(chunk => chunk.Id).ToListAsync(cancel);
            chunks = [.. chunks.Where(chunk => marked.Contains(chunk.Id))];
        }
        return [.. chunks.Select(chunk => chunk with { State = ChunkState.Published, Epoch = epoch + 1, Published = now, Until = now + trust, Worker = null })];
    }

    /// <summary>With what they are to compute. A chunk without it is of a job that was deleted meanwhile.</summary>
    private async Task<IReadOnlyList<Chunk>> ToPublishAsync(IEnumerable<MongoChunk> taken, CancellationToken cancel) =>
        [.. (await WholeAsync([.. taken], cancel)).Where(chunk => chunk.References.Count > 0)];

    private static UpdateDefinition<MongoChunk> PlannedAgain => Set.Set(chunk => chunk.State, ChunkState.Planned).Unset(chunk => chunk.Worker).Unset(chunk => chunk.Until);

    /// <summary>What takes a chunk from a worker that still held it counts a crash, in the same write.</summary>
    private static UpdateDefinition<MongoChunk> WithCrash(MongoChunk chunk, UpdateDefinition<MongoChunk> update) => chunk.State == ChunkState.Leased
        ? update.Inc(one => one.Crashes, 1).Set(one => one.Note, ChunkRules.CrashNote(chunk.ToChunk()))
        : update;

    /// <summary>What <see cref="WithCrash"/> makes of it.</summary>
    private static MongoChunk Crashed(MongoChunk chunk) => chunk.State == ChunkState.Leased ? chunk with { Crashes = chunk.Crashes + 1, Note = ChunkRules.CrashNote(chunk.ToChunk()) } : chunk;

    /// <summary>The compare-and-set: only if nobody has moved the chunk, nor kept its lease alive, since it was read.</summary>
    private async Task<bool> TryAsync(MongoChunk chunk, UpdateDefinition<MongoChunk> update, CancellationToken cancel)
    {
        var unmoved = Where.Eq(one => one.Id, chunk.Id) & Where.Eq(one => one.State, chunk.State) & Where.Eq(one => one.Epoch, chunk.Epoch)
            & Where.Eq(one => one.Attempts, chunk.Attempts) & Where.Eq(one => one.Until, chunk.Until);
        return (await database.Chunks.UpdateOneAsync(unmoved, update, null, cancel)).ModifiedCount > 0;
    }

    private async Task AddRequestAsync(ExplainImages request, TimeSpan trust, CancellationToken cancel)
    {
        var now = clock.Now();
        await MongoDatabase.InsertNewAsync(
            database.Chunks,
            new MongoChunk
            {
                Id = new MongoKey { Job = request.Owner, N = request.Chunk },
                Life = ChunkRules.NewLife(),
                Direct = true,
                State = ChunkState.Published,
                First = request.References[0].Number,
                Count = request.References.Count,
                Last = request.References[^1].Uri,
                Epoch = request.Epoch,
                Published = now,
                Until = now + trust,
                Request = request,
                Hash = request.Hash(),
            },
            cancel);
    }

    private static FilterDefinition<MongoChunk> Held(ChunkLease held) => MongoSave.Held(held);

    private static MongoAloneKey AloneKey(ChunkLease held, int number) => new() { Job = held.Owner, Chunk = held.Number, N = number };

    private Task<MongoChunk?> FindRowAsync(Guid owner, int number, CancellationToken cancel) =>
        database.Chunks.Find(new BsonDocument("_id", MongoRaw.Key(owner, number))).FirstOrDefaultAsync(cancel)!;

    private async Task<JobState?> StateAsync(Guid job, CancellationToken cancel) =>
        await database.Jobs.Find(MongoJob.Is(job)).Project(MongoJob.OnlyState).FirstOrDefaultAsync(cancel) is { } found ? Enum.Parse<JobState>(found["state"].AsString) : null;

    /// <summary>The documents that hold what these chunks are to compute.</summary>
    public static FilterDefinition<MongoReferences> ReferencesOf(IEnumerable<MongoChunk> chunks) =>
        Builders<MongoReferences>.Filter.In(references => references.Id, chunks.Select(MongoReferencesKey.Of).OfType<MongoReferencesKey>());

    /// <summary>With their references and the notes of what was begun alone.</summary>
    private async Task<IReadOnlyList<Chunk>> WholeAsync(IReadOnlyList<MongoChunk> chunks, CancellationToken cancel)
    {
        var open = chunks.Where(chunk => chunk.Plan is not null && !MongoChunk.Ended.Contains(chunk.State)).ToList();
        var references = open.Count == 0 ? [] : (await database.References.Find(ReferencesOf(open)).ToListAsync(cancel)).ToDictionary(one => one.Id, one => one.Refs);
        var whole = new List<Chunk>();
        foreach (var chunk in chunks)
            whole.Add(await WithAloneAsync(chunk, MongoReferencesKey.Of(chunk) is { } key ? references.GetValueOrDefault(key) : null, cancel));
        return whole;
    }

    private async Task<Chunk> WithAloneAsync(MongoChunk chunk, IReadOnlyList<ImageReference>? references, CancellationToken cancel)
    {
        if (chunk.Crashes == 0 || chunk.HasAlone is null)
            return chunk.ToChunk(references);
        var alone = await database.Alone.Find(MongoDeletion.Alone(chunk.Id.Job, chunk.Id.N) & Builders<MongoAlone>.Filter.Gt(one => one.Starts, 0)).ToListAsync(cancel);
        return chunk.ToChunk(references, alone.ToDictionary(one => one.Id.N, one => one.Starts));
    }
}
