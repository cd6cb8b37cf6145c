using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

internal sealed class MongoJobs(
    MongoDatabase database, MongoDeletion deletion, MongoLedger ledger, RunningJobs running, MongoSchema schema, TimeProvider clock)
    : IJobs
{
    private static readonly JobState[] Open = [JobState.Running, JobState.Paused];
    private static readonly FilterDefinitionBuilder<MongoJob> Where = Builders<MongoJob>.Filter;
    private static readonly UpdateDefinitionBuilder<MongoJob> Set = Builders<MongoJob>.Update;

    public Task<JobCreation> CreateAsync(JobSpec spec, string? key = null, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        await schema.ThrowIfNewerAsync(cancel);
        var job = new MongoJob
        {
            Id = key is null ? Guid.CreateVersion7() : RequestId.Of(key),
            Spec = spec,
            Hash = spec.Hash(),
            Created = clock.Now(),
            Life = ChunkRules.NewLife(),
            State = JobState.Running,
        };
        if (key is not null)
            await deletion.ForgetAsync(job.Id, cancel);
        await MongoClaims.ClaimAsync(database, job.Id, Claim.OfJob(spec.Owner), cancel);
        if (await MongoDatabase.InsertNewAsync(database.Jobs, job, cancel))
            return new JobCreation(JobCreated.New, job.ToJob(new JobProgress()));
        var found = await database.Jobs.Find(one => one.Id == job.Id).FirstAsync(cancel);
        return new JobCreation(found.Hash == job.Hash ? JobCreated.Existing : JobCreated.Conflict, await WithProgressAsync(found, cancel));
    });

    public Task<Job?> FindAsync(Guid id, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
        await database.Jobs.Find(job => job.Id == id).FirstOrDefaultAsync(cancel) is { } found ? await WithProgressAsync(found, cancel) : null);

    public Task<JobPage> PageAsync(JobQuery query, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        var where = Where.Empty;
        if (JobCursor.Decode(query) is { } cursor)
        {
            var created = DateTimeOffset.FromUnixTimeMilliseconds(cursor.Created);
            where &= Where.Lt(job => job.Created, created) | Where.Eq(job => job.Created, created) & Where.Lt(job => job.Id, cursor.Id);
        }
        if (query.Tag is { } tag)
            where &= Where.AnyEq(job => job.Spec.Tags, tag);
        if (query.State is { } state)
            where &= Where.Eq(job => job.State, state);
        if (query.Source is { } source)
            where &= Where.Eq(job => job.Spec.Source, source);
        if (query.Owner is { } owner)
            where &= Where.Eq(job => job.Spec.Owner, owner);
        var found = await database.Jobs.Find(where).Sort(Builders<MongoJob>.Sort.Descending(job => job.Created).Descending(job => job.Id)).Limit(query.Limit + 1).ToListAsync(cancel);
        var jobs = await WithProgressAsync(found.Take(query.Limit), cancel);
        return new JobPage(jobs, found.Count > query.Limit ? JobCursor.After(jobs[^1]).Encode() : null);
    });

    public Task<IReadOnlyList<Job>> EndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default)
    {
        query.ThrowIfInvalid();
        return MongoDatabase.RunAsync<IReadOnlyList<Job>>(async () =>
        {
            var oldestFirst = Builders<MongoJob>.Sort.Ascending(job => job.Finished).Ascending(job => job.Id);
            var found = await database.Jobs.Find(Ended(query)).Sort(oldestFirst).Limit(query.Limit).ToListAsync(cancellationToken);
            return await WithProgressAsync(found, cancellationToken);
        });
    }

    public Task<EndedJobsCount> CountEndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var sums = new BsonDocument
            {
                { "_id", BsonNull.Value }, { "jobs", new BsonDocument("$sum", 1) }, { "images", new BsonDocument("$sum", "$images") },
            };
            var grouped = database.Jobs.Aggregate().Match(Ended(query)).Group<BsonDocument>(sums);
            var counted = await grouped.FirstOrDefaultAsync(cancellationToken);
            return counted is null ? new EndedJobsCount(0, 0) : new EndedJobsCount(counted["jobs"].ToInt64(), counted["images"].ToInt64());
        });

    public Task<bool> HoldPlanningAsync(Guid job, string planner, TimeSpan lease, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        var now = clock.Now();
        var free = Where.Eq(one => one.Planner, null) | Where.Eq(one => one.Planner, planner) | Where.Lte(one => one.PlannerUntil, now);
        return await UpdateAsync(Unplanned(job) & free, Set.Set(one => one.Planner, planner).Set(one => one.PlannerUntil, now + lease), cancel, orMatched: true);
    });

    public Task<IReadOnlyList<Guid>> UnplannedAsync(CancellationToken cancel = default) => MongoDatabase.RunAsync<IReadOnlyList<Guid>>(async () =>
    {
        var free = Where.Eq(job => job.Planner, null) | Where.Lte(job => job.PlannerUntil, clock.Now());
        return await database.Jobs.Find(Where.In(job => job.State, Open) & Where.Eq(job => job.Chunks, null) & free).SortBy(job => job.Created).Project(job => job.Id).ToListAsync(cancel);
    });

    public Task<PlanTail> PlanTailAsync(Guid job, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
        await TailAsync(job, (await database.Jobs.Find(MongoJob.Is(job)).FirstOrDefaultAsync(cancel))?.Life ?? 0, cancel));

    public Task<PlanTail?> AddChunksAsync(Guid job, PlanTail tail, IReadOnlyList<IReadOnlyList<ImageReference>> chunks, CancellationToken cancel = default)
    {
        var after = ChunkRules.After(tail, chunks);
        return MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancel);
            if (!await database.Jobs.Find(Unplanned(job) & OfLife(tail.Life)).AnyAsync(cancel) || await TailAsync(job, tail.Life, cancel) != tail)
                return null;
            if (chunks.Count == 0)
                return after;
            await ledger.OpenPagesAsync(job, tail.Life, tail.NextChunk, after.NextChunk - 1, cancel);
            var plan = ObjectId.GenerateNewId();
            await database.References.InsertManyAsync(
                chunks.Select((references, i) => new MongoReferences { Id = new MongoReferencesKey { Job = job, N = tail.NextChunk + i, Plan = plan }, Refs = references }), new InsertManyOptions { IsOrdered = false }, cancel);
            var documents = chunks.Select((references, i) => new MongoChunk
            {
                Id = new MongoKey { Job = job, N = tail.NextChunk + i },
                Life = tail.Life,
                State = ChunkState.Planned,
                First = references[0].Number,
                Count = references.Count,
                Last = references[^1].Uri,
                Plan = plan,
            });
            try
            {
                // In order, and ending at the first number that is taken: what is written has no gaps, whoever else plans.
                await database.Chunks.InsertManyAsync(documents, new InsertManyOptions { IsOrdered = true }, cancel);
                return after;
            }
            catch (MongoBulkWriteException e) when (e.WriteConcernError is null && e.WriteErrors.All(error => error.Category == ServerErrorCategory.DuplicateKey))
            {
                return null; // the references of what was not inserted stay until the job is deleted
            }
        });
    }

    public Task<Job?> FinishPlanningAsync(Guid job, long? life = null, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        if (life is { } known && !await database.Jobs.Find(Unplanned(job) & OfLife(known)).AnyAsync(cancel))
            return await FindAsync(job, cancel);
        var tail = await TailAsync(job, 0, cancel);
        await UpdateAsync(
            life is null ? Unplanned(job) : Unplanned(job) & OfLife(life.Value),
            Set.Set(one => one.Images, tail.NextImage).Set(one => one.Chunks, tail.NextChunk).Unset(one => one.Planner).Unset(one => one.PlannerUntil), cancel);
        if (tail.NextChunk > 0)
            await ledger.ClosePagesAsync(job, tail.NextChunk, cancel);
        await ledger.TryCompleteAsync(job, cancel);
        return await FindAsync(job, cancel);
    });

    public Task<bool> PauseAsync(Guid job, string reason, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
        await StopAsync(job, Is(job, JobState.Running), Set.Set(one => one.State, JobState.Paused).Set(one => one.Reason, reason), cancel)
        || await database.Jobs.Find(Is(job, JobState.Paused)).AnyAsync(cancel));

    public Task<Judgement> JudgeAsync(Guid job, string? reason, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        var judged = Set.Set(one => one.Judged, true);
        if (reason is not null)
            judged = judged.Set(one => one.State, JobState.Paused).Set(one => one.Reason, reason);
        if (await StopAsync(job, Is(job, JobState.Running) & Where.Eq(one => one.Judged, null), judged, cancel))
            return Judgement.Now;
        return await database.Jobs.Find(Is(job, JobState.Running)).AnyAsync(cancel) ? Judgement.Before : Judgement.NotRunning;
    });

    public Task<bool> ResumeAsync(Guid job, CancellationToken cancel = default) => MongoDatabase.RunAsync(() =>
        UpdateAsync(Is(job, JobState.Paused), Set.Set(one => one.State, JobState.Running).Unset(one => one.Reason), cancel));

    public Task<bool> CancelAsync(Guid job, string? reason = null, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        var cancelled = Set.Set(one => one.State, JobState.Cancelled).Set(one => one.Finished, clock.Now());
        cancelled = reason is null ? cancelled.Unset(one => one.Reason) : cancelled.Set(one => one.Reason, reason);
        return await StopAsync(job, Is(job, Open), cancelled, cancel) || await database.Jobs.Find(Is(job, JobState.Cancelled)).AnyAsync(cancel);
    });

    public Task<bool> DeleteAsync(Guid job, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        running.Forget(job);
        return await deletion.DeleteAsync(job, cancel);
    });

    public Task<IReadOnlyList<Job>> UntoldAsync(int limit = 100, CancellationToken cancel = default) => MongoDatabase.RunAsync<IReadOnlyList<Job>>(async () =>
        await WithProgressAsync(await database.Jobs.Find(Where.Eq(job => job.Untold, true)).Limit(limit).ToListAsync(cancel), cancel));

    public Task<bool> HoldTellingAsync(Guid job, string teller, TimeSpan lease, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        var now = clock.Now();
        var free = Where.Eq(one => one.Teller, null) | Where.Eq(one => one.Teller, teller) | Where.Lte(one => one.TellerUntil, now);
        return await UpdateAsync(Where.Eq(one => one.Id, job) & Where.Eq(one => one.Untold, true) & free, Set.Set(one => one.Teller, teller).Set(one => one.TellerUntil, now + lease), cancel, orMatched: true);
    });

    public Task MarkAnnouncedAsync(Guid job, CancellationToken cancel = default) => MongoDatabase.RunAsync(() =>
        UpdateAsync(Is(job, JobState.Completed), Set.Set(one => one.Announced, true), cancel));

    public Task MarkToldAsync(Guid job, CancellationToken cancel = default) => MongoDatabase.RunAsync(() =>
        UpdateAsync(Where.Eq(one => one.Id, job), Set.Unset(one => one.Untold), cancel));

    private static FilterDefinition<MongoJob> Ended(EndedJobsQuery query)
    {
        var ended = Where.Lt(job => job.Finished, query.Before) & Where.Eq(job => job.Untold, null);
        if (query.Tag is { } tag)
            ended &= Where.AnyEq(job => job.Spec.Tags, tag);
        return query.Owner is { } owner ? ended & Where.Eq(job => job.Spec.Owner, owner) : ended;
    }

    private static FilterDefinition<MongoJob> Is(Guid job, params JobState[] states) => Where.Eq(one => one.Id, job) & Where.In(one => one.State, states);

    private static FilterDefinition<MongoJob> Unplanned(Guid job) => Is(job, Open) & Where.Eq(one => one.Chunks, null);

    private async Task<bool> UpdateAsync(FilterDefinition<MongoJob> where, UpdateDefinition<MongoJob> update, CancellationToken cancel, bool orMatched = false)
    {
        var result = await database.Jobs.UpdateOneAsync(where, update, null, cancel);
        return result.ModifiedCount > 0 || orMatched && result.MatchedCount > 0;
    }

    /// <summary>After which the job may not be running.</summary>
    private async Task<bool> StopAsync(Guid job, FilterDefinition<MongoJob> where, UpdateDefinition<MongoJob> update, CancellationToken cancel)
    {
        try
        {
            return await UpdateAsync(where, update, cancel);
        }
        finally
        {
            running.Forget(job);
        }
    }

    private static FilterDefinition<MongoJob> OfLife(long life) => Where.Eq(one => one.Life, life);

    private async Task<PlanTail> TailAsync(Guid job, long life, CancellationToken cancel)
    {
        var last = await database.Chunks.Find(MongoDeletion.Chunks(job)).Sort(Builders<MongoChunk>.Sort.Descending(chunk => chunk.Id))
            .Project(chunk => new { chunk.Id, chunk.First, chunk.Count, chunk.Last }).FirstOrDefaultAsync(cancel);
        return last is null ? new PlanTail(0, 0, null, life) : new PlanTail(last.Id.N + 1, last.First + last.Count, last.Last, life);
    }

    private async Task<Job> WithProgressAsync(MongoJob job, CancellationToken cancel) => (await WithProgressAsync([job], cancel))[0];

    private async Task<List<Job>> WithProgressAsync(IEnumerable<MongoJob> jobs, CancellationToken cancel)
    {
        var list = jobs.ToList();
        var progress = await ledger.ProgressAsync([.. list.Select(job => job.Id)], cancel);
        return [.. list.Select(job => job.ToJob(progress[job.Id]))];
    }
}
