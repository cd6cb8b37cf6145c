using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Key of what an attempt at an audit stored. As a document it sorts by job, then by number.</summary>
internal sealed record MongoAuditKey
{
    public Guid Job { get; init; }

    public int N { get; init; }

    public int Attempt { get; init; }
}

/// <summary>Document of a finding. Its key has the finding's number.</summary>
internal sealed record MongoFinding
{
    public required MongoAuditKey Id { get; init; }

    public required string Finding { get; init; }

    public int? Image { get; init; }

    public int? Class { get; init; }

    public bool Issue { get; init; }

    public required byte[] Body { get; init; }
}

/// <summary>Document of an audit's report. Its key has the number 0.</summary>
internal sealed record MongoAuditReport
{
    public required MongoAuditKey Id { get; init; }

    public required byte[] Json { get; init; }
}

/// <summary>
/// Stores audits. Their leases are in the job's document; reports and findings have the attempt in their keys. Finishing an audit writes
/// the attempt into the job, which makes what it stored visible. What other attempts stored is deleted with the job.
/// </summary>
internal sealed class MongoAudits(MongoDatabase database, MongoLedger ledger, TimeProvider clock) : IAudits
{
    private const int FindingsPerInsert = 1000;

    private static readonly FilterDefinitionBuilder<MongoJob> Where = Builders<MongoJob>.Filter;
    private static readonly UpdateDefinitionBuilder<MongoJob> Set = Builders<MongoJob>.Update;

    public Task<IReadOnlyList<Guid>> DueAsync(CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync<IReadOnlyList<Guid>>(async () =>
        {
            var open = await database
                .Jobs.Find(Where.Eq(job => job.AuditPending, true) & Planned() & Free(clock.Now()))
                .SortBy(job => job.Created)
                .ToListAsync(cancellationToken);
            var progress = await ledger.ProgressAsync([.. open.Select(job => job.Id)], cancellationToken);
            return [.. open.Where(job => progress[job.Id].ChunksDone == job.Chunks).Select(job => job.Id)];
        });

    public Task<AuditLease?> LeaseAsync(Guid job, string auditor, TimeSpan lease, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var now = clock.Now();
            var open = Where.Eq(item => item.Id, job) & Where.Eq(item => item.AuditPending, true) & Planned();
            // A free audit and one whose lease expired differ in the count of crashes, and no update can depend on the field.
            foreach (var (isFree, crashes) in new[] { (Where.Eq(item => item.Auditor, null), 0), (Expired(now), 1) })
            {
                if (
                    await database.Jobs.Find(open & isFree).FirstOrDefaultAsync(cancellationToken) is not { Chunks: { } chunks }
                    || (await ledger.ProgressAsync([job], cancellationToken))[job].ChunksDone != chunks
                )
                    continue;
                var leased = await database.Jobs.FindOneAndUpdateAsync(
                    open & isFree,
                    Set.Set(item => item.Auditor, auditor)
                        .Set(item => item.AuditorUntil, now + lease)
                        .Inc(item => item.AuditAttempts, 1)
                        .Inc(item => item.AuditCrashes, crashes),
                    new FindOneAndUpdateOptions<MongoJob> { ReturnDocument = ReturnDocument.After },
                    cancellationToken
                );
                if (leased is not null)
                    return new AuditLease(job, auditor, leased.AuditAttempts!.Value, leased.AuditCrashes!.Value);
            }
            return null;
        });

    public Task<bool> ExtendAsync(AuditLease held, TimeSpan lease, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
            (
                await database.Jobs.UpdateOneAsync(
                    Held(held) & Where.Eq(job => job.State, JobState.Running),
                    Set.Set(job => job.AuditorUntil, clock.Now() + lease),
                    null,
                    cancellationToken
                )
            ).MatchedCount > 0
        );

    public Task ReleaseAsync(AuditLease held, bool faulted = false, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() =>
            database.Jobs.UpdateOneAsync(
                Held(held),
                Set.Unset(job => job.Auditor).Unset(job => job.AuditorUntil).Inc(job => job.AuditCrashes, faulted ? 1 : 0),
                null,
                cancellationToken
            )
        );

    public Task<bool> AddAsync(AuditLease held, IReadOnlyList<StoredFinding> findings, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            foreach (var some in findings.Chunk(FindingsPerInsert))
            {
                if (!await database.Jobs.Find(Held(held)).AnyAsync(cancellationToken))
                    return false;
                await database.Findings.InsertManyAsync(
                    some.Select(finding => new MongoFinding
                    {
                        Id = Key(held, finding.Number),
                        Finding = finding.Finding,
                        Image = finding.Image,
                        Class = finding.Class,
                        Issue = finding.IsIssue,
                        Body = finding.Body,
                    }),
                    new InsertManyOptions { IsOrdered = false },
                    cancellationToken
                );
            }
            return true;
        });

    public Task<bool> CompleteAsync(AuditLease held, byte[] report, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            // The report goes first: an audit is never finished without one.
            await MongoDatabase.InsertNewAsync(
                database.AuditReports,
                new MongoAuditReport { Id = Key(held, 0), Json = report },
                cancellationToken
            );
            var finished = await database.Jobs.UpdateOneAsync(
                Held(held) & Where.In(job => job.State, [JobState.Running, JobState.Paused]),
                Set.Set(job => job.AuditedBy, held.Attempt)
                    .Unset(job => job.AuditPending)
                    .Unset(job => job.Auditor)
                    .Unset(job => job.AuditorUntil),
                null,
                cancellationToken
            );
            return finished.ModifiedCount > 0 && await ledger.TryCompleteAsync(held.Job, cancellationToken);
        });

    public Task<byte[]?> ReportAsync(Guid job, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            if (await FinishedByAsync(job, cancellationToken) is not { } attempt)
                return null;
            var id = new MongoAuditKey { Job = job, Attempt = attempt };
            return (await database.AuditReports.Find(report => report.Id == id).FirstOrDefaultAsync(cancellationToken))?.Json;
        });

    public Task<FindingPage> PageAsync(FindingQuery query, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var after = FindingCursor.Decode(query);
            if (await FinishedByAsync(query.Job, cancellationToken) is not { } attempt)
                return new FindingPage([], null);
            var filter = new BsonDocument
            {
                { "_id.job", MongoKeys.Id(query.Job) },
                { "_id.n", new BsonDocument("$gt", after) },
                { "_id.attempt", attempt },
            };
            if (query.Finding is { } finding)
                filter.Add("finding", finding);
            if (query.Class is { } index)
                filter.Add("class", index);
            if (query.Image is { } image)
                filter.Add("image", image);
            if (query.OnlyIssues)
                filter.Add("issue", true);
            var found = await database
                .Findings.Find(filter)
                .Sort(new BsonDocument("_id.n", 1))
                .Limit(query.Limit + 1)
                .ToListAsync(cancellationToken);
            List<StoredFinding> findings =
            [
                .. found
                    .Take(query.Limit)
                    .Select(item => new StoredFinding(item.Id.N, item.Finding, item.Image, item.Class, item.Issue, item.Body)),
            ];
            return new FindingPage(findings, found.Count > query.Limit ? FindingCursor.Encode(query, findings[^1].Number) : null);
        });

    private async Task<int?> FinishedByAsync(Guid job, CancellationToken cancellationToken) =>
        (await database.Jobs.Find(MongoJob.Is(job)).FirstOrDefaultAsync(cancellationToken))?.AuditedBy;

    private static MongoAuditKey Key(AuditLease held, int number) =>
        new()
        {
            Job = held.Job,
            N = number,
            Attempt = held.Attempt,
        };

    private static FilterDefinition<MongoJob> Planned() => Where.Eq(job => job.State, JobState.Running) & Where.Ne(job => job.Chunks, null);

    private static FilterDefinition<MongoJob> Expired(DateTimeOffset now) =>
        Where.Ne(job => job.Auditor, null) & Where.Lte(job => job.AuditorUntil, now);

    private static FilterDefinition<MongoJob> Free(DateTimeOffset now) => Where.Eq(job => job.Auditor, null) | Expired(now);

    private static FilterDefinition<MongoJob> Held(AuditLease held) =>
        Where.Eq(job => job.Id, held.Job)
        & Where.Eq(job => job.Auditor, held.Auditor)
        & Where.Eq(job => job.AuditAttempts, held.Attempt)
        & Where.Eq(job => job.AuditPending, true);
}
