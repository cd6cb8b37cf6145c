using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

internal sealed class MongoJobs(
    MongoDatabase database,
    MongoDeletion deletion,
    MongoLedger ledger,
    RunningJobs running,
    MongoSchema schema,
    TimeProvider clock
) : IJobs
{
    private static readonly JobState[] Open = [JobState.Running, JobState.Paused];
    private static readonly FilterDefinitionBuilder<MongoJob> Where = Builders<MongoJob>.Filter;
    private static readonly UpdateDefinitionBuilder<MongoJob> Set = Builders<MongoJob>.Update;

    public Task<JobCreation> CreateAsync(JobSpec spec, string? key = null, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            var job = new MongoJob
            {
                Id = key is null ? Guid.CreateVersion7() : RequestId.Of(key),
                Spec = spec,
                Hash = spec.Hash(),
                Created = clock.Now(),
                Generation = ChunkRules.NewGeneration(),
                State = JobState.Running,
                AuditPending = spec.Audit is null ? null : true,
            };
            if (key is not null)
                await deletion.ForgetAsync(job.Id, cancellationToken);
            await MongoClaims.ClaimAsync(database, job.Id, Claim.OfJob(spec.Owner), cancellationToken); // before the job, see MongoClaims
            if (await MongoDatabase.InsertNewAsync(database.Jobs, job, cancellationToken))
                return new JobCreation(JobCreated.New, job.ToJob(new JobProgress()));
            var found = await database.Jobs.Find(item => item.Id == job.Id).FirstAsync(cancellationToken);
            return new JobCreation(
                found.Hash == job.Hash ? JobCreated.Existing : JobCreated.Conflict,
                await WithProgressAsync(found, cancellationToken)
            );
        });

    public Task<Job?> FindAsync(Guid id, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
            await database.Jobs.Find(job => job.Id == id).FirstOrDefaultAsync(cancellationToken) is { } found
                ? await WithProgressAsync(found, cancellationToken)
                : null
        );

    public Task<JobPage> PageAsync(JobQuery query, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
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
            if (query.Owner is { } owner)
                where &= Where.Eq(job => job.Spec.Owner, owner);
            var found = await database
                .Jobs.Find(where)
                .Sort(Builders<MongoJob>.Sort.Descending(job => job.Created).Descending(job => job.Id))
                .Limit(query.Limit + 1)
                .ToListAsync(cancellationToken);
            var jobs = await WithProgressAsync(found.Take(query.Limit), cancellationToken);
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
                { "_id", BsonNull.Value },
                { "jobs", new BsonDocument("$sum", 1) },
                { "images", new BsonDocument("$sum", "$images") },
            };
            var grouped = database.Jobs.Aggregate().Match(Ended(query)).Group<BsonDocument>(sums);
            var counted = await grouped.FirstOrDefaultAsync(cancellationToken);
            return counted is null ? new EndedJobsCount(0, 0) : new EndedJobsCount(counted["jobs"].ToInt64(), counted["images"].ToInt64());
        });

    public Task<bool> LeasePlanningAsync(Guid job, string planner, TimeSpan lease, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var now = clock.Now();
            var free =
                Where.Eq(item => item.Planner, null) | Where.Eq(item => item.Planner, planner) | Where.Lte(item => item.PlannerUntil, now);
            return await UpdateAsync(
                Unplanned(job) & free,
                Set.Set(item => item.Planner, planner).Set(item => item.PlannerUntil, now + lease),
                cancellationToken,
                orMatched: true
            );
        });

    public Task<IReadOnlyList<Guid>> UnplannedAsync(CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync<IReadOnlyList<Guid>>(async () =>
        {
            var free = Where.Eq(job => job.Planner, null) | Where.Lte(job => job.PlannerUntil, clock.Now());
            return await database
                .Jobs.Find(Where.In(job => job.State, Open) & Where.Eq(job => job.Chunks, null) & free)
                .SortBy(job => job.Created)
                .Project(job => job.Id)
                .ToListAsync(cancellationToken);
        });

    public Task<PlanTail> PlanTailAsync(Guid job, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
            await TailAsync(
                job,
                (await database.Jobs.Find(MongoJob.Is(job)).FirstOrDefaultAsync(cancellationToken))?.Generation ?? 0,
                cancellationToken
            )
        );

    public Task<PlanTail?> AddChunksAsync(
        Guid job,
        PlanTail tail,
        IReadOnlyList<IReadOnlyList<ImageReference>> chunks,
        CancellationToken cancellationToken = default
    )
    {
        var after = ChunkRules.After(tail, chunks);
        return MongoDatabase.RunAsync(async () =>
        {
            await schema.ThrowIfNewerAsync(cancellationToken);
            if (
                !await database.Jobs.Find(Unplanned(job) & OfGeneration(tail.Generation)).AnyAsync(cancellationToken)
                || await TailAsync(job, tail.Generation, cancellationToken) != tail
            )
                return null;
            if (chunks.Count == 0)
                return after;
            // Ledger pages and references first: a chunk is never stored without them.
            await ledger.OpenPagesAsync(job, tail.Generation, tail.NextChunk, after.NextChunk - 1, cancellationToken);
            var plan = ObjectId.GenerateNewId();
            await database.References.InsertManyAsync(
                chunks.Select(
                    (references, i) =>
                        new MongoReferences
                        {
                            Id = new MongoReferencesKey
                            {
                                Job = job,
                                N = tail.NextChunk + i,
                                Plan = plan,
                            },
                            Refs = references,
                        }
                ),
                new InsertManyOptions { IsOrdered = false },
                cancellationToken
            );
            var documents = chunks.Select(
                (references, i) =>
                    new MongoChunk
                    {
                        Id = new MongoKey { Job = job, N = tail.NextChunk + i },
                        Generation = tail.Generation,
                        State = ChunkState.Planned,
                        First = references[0].Number,
                        Count = references.Count,
                        Last = references[^1].Uri,
                        Plan = plan,
                    }
            );
            try
            {
                // An ordered insert stops at the first number that another planner has written, so chunks have no gaps.
                await database.Chunks.InsertManyAsync(documents, new InsertManyOptions { IsOrdered = true }, cancellationToken);
                return after;
            }
            catch (MongoBulkWriteException e)
                when (e.WriteConcernError is null && e.WriteErrors.All(error => error.Category == ServerErrorCategory.DuplicateKey))
            {
                return null; // references of chunks that were not inserted stay until the job is deleted
            }
        });
    }

    public Task<Job?> FinishPlanningAsync(Guid job, long? generation = null, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var tail = await TailAsync(job, 0, cancellationToken);
            var isPlanned = await UpdateAsync(
                generation is { } known ? Unplanned(job) & OfGeneration(known) : Unplanned(job),
                Set.Set(item => item.Images, tail.NextImage)
                    .Set(item => item.Chunks, tail.NextChunk)
                    .Unset(item => item.Planner)
                    .Unset(item => item.PlannerUntil),
                cancellationToken
            );
            if (isPlanned)
            {
                if (tail.NextChunk > 0)
                    await ledger.ClosePagesAsync(job, tail.NextChunk, cancellationToken);
                await ledger.TryCompleteAsync(job, cancellationToken);
            }
            return await FindAsync(job, cancellationToken);
        });

    public Task<bool> PauseAsync(Guid job, string reason, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
            await StopAsync(
                job,
                Is(job, JobState.Running),
                Set.Set(item => item.State, JobState.Paused).Set(item => item.Reason, reason),
                cancellationToken
            ) || await database.Jobs.Find(Is(job, JobState.Paused)).AnyAsync(cancellationToken)
        );

    public Task<FailureRateCheck> CheckFailureRateAsync(Guid job, string? reason, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var checkedOnce = Set.Set(item => item.FailureRateChecked, true);
            if (reason is not null)
                checkedOnce = checkedOnce.Set(item => item.State, JobState.Paused).Set(item => item.Reason, reason);
            if (
                await StopAsync(
                    job,
                    Is(job, JobState.Running) & Where.Eq(item => item.FailureRateChecked, null),
                    checkedOnce,
                    cancellationToken
                )
            )
                return FailureRateCheck.Now;
            return await database.Jobs.Find(Is(job, JobState.Running)).AnyAsync(cancellationToken)
                ? FailureRateCheck.Before
                : FailureRateCheck.NotRunning;
        });

    public Task<bool> ResumeAsync(Guid job, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() =>
            UpdateAsync(
                Is(job, JobState.Paused),
                Set.Set(item => item.State, JobState.Running).Unset(item => item.Reason).Unset(item => item.AuditCrashes),
                cancellationToken
            )
        );

    public Task<bool> CancelAsync(Guid job, string? reason = null, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var cancelled = Set.Set(item => item.State, JobState.Cancelled).Set(item => item.Finished, clock.Now());
            cancelled = reason is null ? cancelled.Unset(item => item.Reason) : cancelled.Set(item => item.Reason, reason);
            return await StopAsync(job, Is(job, Open), cancelled, cancellationToken)
                || await database.Jobs.Find(Is(job, JobState.Cancelled)).AnyAsync(cancellationToken);
        });

    public Task<bool> DeleteAsync(Guid job, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            running.Remove(job);
            return await deletion.DeleteAsync(job, cancellationToken);
        });

    public Task<IReadOnlyList<Job>> PendingNotificationsAsync(int limit = 100, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync<IReadOnlyList<Job>>(async () =>
            await WithProgressAsync(
                await database.Jobs.Find(Where.Eq(job => job.PendingNotification, true)).Limit(limit).ToListAsync(cancellationToken),
                cancellationToken
            )
        );

    public Task<bool> LeaseNotificationAsync(Guid job, string notifier, TimeSpan lease, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var now = clock.Now();
            var free =
                Where.Eq(item => item.Notifier, null)
                | Where.Eq(item => item.Notifier, notifier)
                | Where.Lte(item => item.NotifierUntil, now);
            return await UpdateAsync(
                Where.Eq(item => item.Id, job) & Where.Eq(item => item.PendingNotification, true) & free,
                Set.Set(item => item.Notifier, notifier).Set(item => item.NotifierUntil, now + lease),
                cancellationToken,
                orMatched: true
            );
        });

    public Task MarkEventPublishedAsync(Guid job, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() =>
            UpdateAsync(Is(job, JobState.Completed), Set.Set(item => item.EventPublished, true), cancellationToken)
        );

    public Task MarkNotifiedAsync(Guid job, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() =>
            UpdateAsync(Where.Eq(item => item.Id, job), Set.Unset(item => item.PendingNotification), cancellationToken)
        );

    private static FilterDefinition<MongoJob> Ended(EndedJobsQuery query)
    {
        var ended = Where.Lt(job => job.Finished, query.Before) & Where.Eq(job => job.PendingNotification, null);
        if (query.Tag is { } tag)
            ended &= Where.AnyEq(job => job.Spec.Tags, tag);
        return query.Owner is { } owner ? ended & Where.Eq(job => job.Spec.Owner, owner) : ended;
    }

    private static FilterDefinition<MongoJob> Is(Guid job, params JobState[] states) =>
        Where.Eq(item => item.Id, job) & Where.In(item => item.State, states);

    private static FilterDefinition<MongoJob> Unplanned(Guid job) => Is(job, Open) & Where.Eq(item => item.Chunks, null);

    private async Task<bool> UpdateAsync(
        FilterDefinition<MongoJob> where,
        UpdateDefinition<MongoJob> update,
        CancellationToken cancellationToken,
        bool orMatched = false
    )
    {
        var result = await database.Jobs.UpdateOneAsync(where, update, null, cancellationToken);
        return result.ModifiedCount > 0 || orMatched && result.MatchedCount > 0;
    }

    /// <summary>Updates a job that may not be running afterwards.</summary>
    private async Task<bool> StopAsync(
        Guid job,
        FilterDefinition<MongoJob> where,
        UpdateDefinition<MongoJob> update,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await UpdateAsync(where, update, cancellationToken);
        }
        finally
        {
            // After an error too, because the server may have done the update.
            running.Remove(job);
        }
    }

    private static FilterDefinition<MongoJob> OfGeneration(long generation) => Where.Eq(item => item.Generation, generation);

    private async Task<PlanTail> TailAsync(Guid job, long generation, CancellationToken cancellationToken)
    {
        var last = await database
            .Chunks.Find(MongoChunk.In(job))
            .Sort(Builders<MongoChunk>.Sort.Descending(chunk => chunk.Id))
            .Project(chunk => new
            {
                chunk.Id,
                chunk.First,
                chunk.Count,
                chunk.Last,
            })
            .FirstOrDefaultAsync(cancellationToken);
        return last is null
            ? new PlanTail(0, 0, null, generation)
            : new PlanTail(last.Id.N + 1, last.First + last.Count, last.Last, generation);
    }

    private async Task<Job> WithProgressAsync(MongoJob job, CancellationToken cancellationToken) =>
        (await WithProgressAsync([job], cancellationToken))[0];

    private async Task<List<Job>> WithProgressAsync(IEnumerable<MongoJob> jobs, CancellationToken cancellationToken)
    {
        var list = jobs.ToList();
        var progress = await ledger.ProgressAsync([.. list.Select(job => job.Id)], cancellationToken);
        return [.. list.Select(job => job.ToJob(progress[job.Id]))];
    }
}
