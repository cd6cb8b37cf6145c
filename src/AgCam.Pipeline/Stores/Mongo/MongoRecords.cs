using System.Runtime.CompilerServices;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

internal sealed class MongoRecords(MongoDatabase database, MongoDeletion deletion, MongoLedger ledger) : IStoreRecords
{
    private static readonly FilterDefinitionBuilder<MongoChunk> Where = Builders<MongoChunk>.Filter;
    private static readonly UpdateDefinitionBuilder<MongoChunk> Set = Builders<MongoChunk>.Update;

    public Task<IReadOnlyList<ChunkPlan>> PlansAsync(Guid job, int from, int limit, CancellationToken cancellationToken) =>
        MongoDatabase.RunAsync<IReadOnlyList<ChunkPlan>>(async () =>
        {
            var chunks = await database
                .Chunks.Find(Range(job, from, int.MaxValue) & Where.Eq(chunk => chunk.Direct, null))
                .Sort(new BsonDocument("_id", 1))
                .Limit(limit)
                .ToListAsync(cancellationToken);
            var keys = database.References.Find(MongoReferences.Of(chunks)).Project(references => references.Id);
            var stored = (await keys.ToListAsync(cancellationToken)).ToHashSet();
            return
            [
                .. chunks.Select(chunk => new ChunkPlan(
                    chunk.Id.N,
                    chunk.First,
                    chunk.Count,
                    chunk.Last,
                    MongoChunk.Ended.Contains(chunk.State) ? ChunkState.Done : chunk.State,
                    MongoReferencesKey.Of(chunk) is { } key && stored.Contains(key),
                    chunk.Generation
                )),
            ];
        });

    public async IAsyncEnumerable<Guid> OrphansAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // This jumps from owner to owner in the index of the key. An aggregation would read every chunk.
        var last = Guid.Empty;
        while (await NextOwnerAsync(last, cancellationToken) is { } owner)
        {
            if (await MongoDatabase.RunAsync(() => IsOrphanAsync(owner, cancellationToken)))
                yield return owner;
            last = owner;
        }
    }

    public async IAsyncEnumerable<DoneRequest> DoneRequestsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var done = Where.Eq(chunk => chunk.Direct, true) & Where.Eq(chunk => chunk.State, ChunkState.Done);
        using var found = await MongoDatabase.RunAsync(() => database.Chunks.Find(done).ToCursorAsync(cancellationToken));
        while (await MongoDatabase.RunAsync(() => found.MoveNextAsync(cancellationToken)))
            foreach (var chunk in found.Current)
            {
                var ofRequest = new BsonDocument("_id", MongoKeys.InJob(chunk.Id.Job));
                var items = await MongoDatabase.RunAsync(() => database.Items.CountDocumentsAsync(ofRequest, null, cancellationToken));
                yield return new DoneRequest(chunk.Id.Job, chunk.Count, (int)items);
            }
    }

    public Task DeleteItemsAsync(Guid job, IReadOnlyCollection<int> numbers, CancellationToken cancellationToken) =>
        MongoDatabase.RunAsync(() => deletion.DeleteItemsAsync(job, numbers, cancellationToken));

    public Task ReplanAsync(ChunkPlan chunk, Guid job, IReadOnlyList<ImageReference> references, CancellationToken cancellationToken) =>
        MongoDatabase.RunAsync(async () =>
        {
            await ledger.OpenPagesAsync(job, chunk.Generation, chunk.Number, chunk.Number, cancellationToken);
            var (id, plan) = (new MongoKey { Job = job, N = chunk.Number }, ObjectId.GenerateNewId());
            var key = new MongoReferencesKey
            {
                Job = job,
                N = chunk.Number,
                Plan = plan,
            };
            // References first: a crash in between leaves references that no chunk refers to.
            var planned = new MongoReferences { Id = key, Refs = references };
            await database.References.InsertOneAsync(planned, null, cancellationToken);
            var replanned = Set.Set(item => item.State, ChunkState.Planned)
                .Set(item => item.Plan, plan)
                .Unset(item => item.Worker)
                .Unset(item => item.Until)
                .Unset(item => item.Done)
                .Unset(item => item.Sum);
            if ((await database.Chunks.UpdateOneAsync(Where.Eq(item => item.Id, id), replanned, null, cancellationToken)).MatchedCount > 0)
                return;
            var missing = new MongoChunk
            {
                Id = id,
                Generation = chunk.Generation,
                State = ChunkState.Planned,
                First = chunk.First,
                Count = chunk.Count,
                Last = chunk.LastUri ?? references[^1].Uri,
                Plan = plan,
            };
            await MongoDatabase.InsertNewAsync(database.Chunks, missing, cancellationToken);
        });

    public Task ReopenAsync(Guid job, CancellationToken cancellationToken) =>
        MongoDatabase.RunAsync(async () =>
        {
            var completed = MongoJob.Is(job) & Builders<MongoJob>.Filter.Eq(item => item.State, JobState.Completed);
            var running = Builders<MongoJob>.Update.Set(item => item.State, JobState.Running).Unset(item => item.Finished);
            var audited = completed & Builders<MongoJob>.Filter.Ne(item => item.AuditedBy, null);
            var again = Builders<MongoJob>.Update.Set(item => item.AuditPending, true).Unset(item => item.AuditedBy);
            await database.Jobs.UpdateOneAsync(audited, again, null, cancellationToken);
            var isNotified = completed & Builders<MongoJob>.Filter.Eq(item => item.PendingNotification, null);
            var reopened = await database.Jobs.UpdateOneAsync(
                isNotified,
                running.Set(item => item.Notified, true),
                null,
                cancellationToken
            );
            if (reopened.MatchedCount == 0)
                await database.Jobs.UpdateOneAsync(completed, running.Unset(item => item.PendingNotification), null, cancellationToken);
        });

    public Task RecountAsync(Guid job, CancellationToken cancellationToken) =>
        MongoDatabase.RunAsync(async () =>
        {
            var found = await database.Jobs.Find(MongoJob.Is(job)).FirstAsync(cancellationToken);
            var last = await database
                .Chunks.Find(MongoChunk.In(job))
                .Sort(new BsonDocument("_id", -1))
                .FirstOrDefaultAsync(cancellationToken);
            for (var page = 0; last is not null && page <= last.Id.N / MongoLedger.ChunksPerPage; page++)
                await RecountPageAsync(found, page, cancellationToken);
            await ledger.TryCompleteAsync(job, cancellationToken);
        });

    private async Task RecountPageAsync(MongoJob job, int page, CancellationToken cancellationToken)
    {
        var first = page * MongoLedger.ChunksPerPage;
        var inPage = Range(job.Id, first, first + MongoLedger.ChunksPerPage - 1) & Where.In(chunk => chunk.State, MongoChunk.Ended);
        var done = await database.Chunks.Find(inPage).Sort(new BsonDocument("_id", 1)).ToListAsync(cancellationToken);
        var sum = new JobProgress();
        foreach (var chunk in done)
        {
            var range = MongoKeys.InJob(job.Id, chunk.First, chunk.First + chunk.Count - 1);
            var rows = await database
                .Items.Find(new BsonDocument("_id", range))
                .Project(
                    new BsonDocument
                    {
                        { "status", 1 },
                        { "correct", 1 },
                        { "_id", 0 },
                    }
                )
                .ToListAsync(cancellationToken);
            var counted = rows.Aggregate(new JobProgress { ChunksDone = 1 }, (counts, row) => counts + MongoItems.Count(row));
            if (counted != chunk.Sum)
                await database.Chunks.UpdateOneAsync(
                    Where.Eq(item => item.Id, chunk.Id),
                    Set.Set(item => item.Sum, counted),
                    null,
                    cancellationToken
                );
            sum += counted;
        }
        var key = new MongoKey { Job = job.Id, N = page };
        var recounted = new MongoLedgerPage
        {
            Id = key,
            Generation = job.Generation,
            Counted = [.. done.Select(chunk => chunk.Id.N)],
            ChunksDone = done.Count,
            Of = job.Chunks is { } chunks && page == (chunks - 1) / MongoLedger.ChunksPerPage ? chunks - first : null,
            Completed = sum.Completed,
            Failed = sum.Failed,
            Correct = sum.Correct,
            Labelled = sum.Labelled,
        };
        await database.Ledger.ReplaceOneAsync(
            Builders<MongoLedgerPage>.Filter.Eq(item => item.Id, key),
            recounted,
            new ReplaceOptions { IsUpsert = true },
            cancellationToken
        );
    }

    private async Task<Guid?> NextOwnerAsync(Guid after, CancellationToken cancellationToken)
    {
        var isAfter = new BsonDocument("_id", new BsonDocument("$gt", MongoKeys.Of(after, int.MaxValue)));
        var next = database.Chunks.Find(isAfter).Sort(new BsonDocument("_id", 1)).Project(chunk => chunk.Id);
        return (await MongoDatabase.RunAsync(() => next.FirstOrDefaultAsync(cancellationToken)))?.Job;
    }

    private async Task<bool> IsOrphanAsync(Guid owner, CancellationToken cancellationToken) =>
        await database.Chunks.Find(MongoChunk.In(owner)).FirstOrDefaultAsync(cancellationToken) is { Direct: null }
        && !await database.Jobs.Find(MongoJob.Is(owner)).AnyAsync(cancellationToken);

    private static FilterDefinition<MongoChunk> Range(Guid job, int first, int last) =>
        new BsonDocument("_id", MongoKeys.InJob(job, first, last));
}
