using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

internal sealed class MongoItems(MongoDatabase database, TimeProvider clock) : IItems
{
    public Task<Item?> FindAsync(Guid job, int number, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            using var document = await database
                .Items.Find(new BsonDocument("_id", MongoKeys.Of(job, number)))
                .FirstOrDefaultAsync(cancellationToken);
            return document is null ? null : MongoRaw.ToItem(document);
        });

    public Task<ItemPage> PageAsync(ItemQuery query, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var index = ItemIndex.For(query);
            var cursor = ItemCursor.Decode(query);
            var items = new List<Item>();
            foreach (var filter in Ranges(query, index, cursor))
            {
                var missing = query.Limit + 1 - items.Count; // one more than the page, to know whether there is a next page
                if (missing > 0)
                    items.AddRange((await ReadAsync(filter, index, query.Descending, missing, cancellationToken)).Select(MongoRaw.ToItem));
            }
            var more = items.Count > query.Limit;
            if (more)
                items.RemoveAt(query.Limit);
            return new ItemPage(items, more ? ItemCursor.After(index, items[^1]).Encode(query) : null);
        });

    public Task<JobProgress> RecountAsync(Guid job, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var fields = new BsonDocument
            {
                { "status", 1 },
                { "correct", 1 },
                { "_id", 0 },
            };
            var sum = new JobProgress();
            using var rows = await database
                .Items.Find(new BsonDocument("_id", MongoKeys.InJob(job)), new FindOptions { BatchSize = 10_000 })
                .Project(fields)
                .ToCursorAsync(cancellationToken);
            while (await rows.MoveNextAsync(cancellationToken))
                foreach (var row in rows.Current)
                    sum += Count(row);
            var done = await database.Chunks.CountDocumentsAsync(
                MongoChunk.In(job) & Builders<MongoChunk>.Filter.In(chunk => chunk.State, MongoChunk.Ended),
                null,
                cancellationToken
            );
            return sum with { ChunksDone = (int)done };
        });

    public Task<int> DeleteForgottenAsync(IReadOnlyCollection<Guid> owners, TimeSpan age, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => DeleteForgottenAsync(owners, clock.Now() - age, cancellationToken));

    private async Task<int> DeleteForgottenAsync(IEnumerable<Guid> owners, DateTimeOffset before, CancellationToken cancellationToken)
    {
        var forgotten = await ForgottenAsync([.. owners.Distinct()], cancellationToken);
        if (forgotten.Count == 0)
            return 0;
        var ofForgotten = new BsonDocument("$in", new BsonArray(forgotten.Select(MongoKeys.Id)));
        var isOld = new BsonDocument { { "_id.job", ofForgotten }, { "time", new BsonDocument("$lt", before.UtcDateTime) } };
        var old = await database.Items.Find(isOld).ToListAsync(cancellationToken);
        var keys = new BsonArray(old.Select(item => item["_id"]));
        await database.Items.DeleteManyAsync(new BsonDocument("_id", new BsonDocument("$in", keys)), null, cancellationToken);
        var left = await database.Items.Find(new BsonDocument("_id.job", ofForgotten)).ToListAsync(cancellationToken);
        var ended = Builders<MongoClaim>.Filter.In(claim => claim.Id, forgotten.Except(left.Select(item => item["_id"]["job"].AsGuid)));
        var claims = await database.Claims.Find(ended).ToListAsync(cancellationToken);
        await database.Claims.DeleteManyAsync(ended, cancellationToken);
        // A request that was accepted again meanwhile may have ended with its old item: it gets its item and its claim back.
        var accepted = forgotten
            .Except(await ForgottenAsync(forgotten, CancellationToken.None))
            .Select(MongoKeys.Id)
            .ToHashSet<BsonValue>();
        foreach (var claim in claims.Where(claim => accepted.Contains(MongoKeys.Id(claim.Id))))
            await MongoDatabase.InsertNewAsync(database.Claims, claim, CancellationToken.None);
        var kept = old.Where(item => accepted.Contains(item["_id"]["job"])).ToList();
        await MongoDatabase.InsertNewAsync(database.Items, kept, CancellationToken.None);
        return old.Count - kept.Count;
    }

    /// <returns>The owners that have neither a job nor a chunk.</returns>
    private async Task<List<Guid>> ForgottenAsync(List<Guid> owners, CancellationToken cancellationToken)
    {
        var isJob = Builders<MongoJob>.Filter.In(job => job.Id, owners);
        var jobs = await database.Jobs.Find(isJob).Project(job => job.Id).ToListAsync(cancellationToken);
        var hasChunk = Builders<MongoChunk>.Filter.In(chunk => chunk.Id.Job, owners.Except(jobs)); // not of jobs, which have many
        var chunks = await database.Chunks.Find(hasChunk).Project(chunk => chunk.Id.Job).ToListAsync(cancellationToken);
        return [.. owners.Except(jobs).Except(chunks)];
    }

    public Task<IReadOnlyDictionary<SourceStamp, Digest>> KnownAsync(
        IReadOnlyCollection<SourceStamp> sources,
        CancellationToken cancellationToken = default
    ) =>
        MongoDatabase.RunAsync<IReadOnlyDictionary<SourceStamp, Digest>>(async () =>
        {
            var wanted = sources.ToHashSet();
            var known = new Dictionary<SourceStamp, Digest>();
            if (wanted.Count == 0)
                return known;
            var keys = new BsonArray(wanted.Select(source => new BsonBinaryData(source.Key())));
            var rows = await database
                .Items.Find(new BsonDocument("source", new BsonDocument("$in", keys)), new FindOptions { Hint = MongoIndexes.Source })
                .Project(
                    new BsonDocument
                    {
                        { "kind", 1 },
                        { "uri", 1 },
                        { "stamp", 1 },
                        { "sha256", 1 },
                        { "_id", 0 },
                    }
                )
                .ToListAsync(cancellationToken);
            foreach (var row in rows)
                if (ItemDocument.SourceOf(row.ToBson()) is { } found && wanted.Contains(found.Source))
                    known[found.Source] = found.Sha256;
            return known;
        });

    internal static JobProgress Count(BsonDocument row)
    {
        var failed = row["status"] == MongoRaw.Status(ItemStatus.Failed) ? 1 : 0;
        return new JobProgress
        {
            Failed = failed,
            Completed = 1 - failed,
            Labelled = row.Contains("correct") ? 1 : 0,
            Correct = row.GetValue("correct", false).AsBoolean ? 1 : 0,
        };
    }

    /// <summary>
    /// Returns filters that are exact ranges of the index. After a cursor there are two: the remaining ties with the cursor's sort
    /// value, then the values after it. With one filter for both, the server would read all ties on every page.
    /// </summary>
    private static IEnumerable<BsonDocument> Ranges(ItemQuery query, ItemIndex index, ItemCursor? cursor)
    {
        var after = query.Descending ? "$lt" : "$gt";
        var sort = MongoIndexes.SortField(index);
        if (cursor is not { } last)
        {
            var all = Filters(query, index);
            if (index.ByProbability)
                all.Add(sort!, new BsonDocument("$gte", 0)); // leaves out items without a value
            yield return all;
            yield break;
        }
        var tie = MongoIndexes.TieField(index);
        var ties = Filters(query, index);
        var key = tie == "_id.n" ? (BsonValue)last.Number : MongoKeys.Of(last.Job, last.Number);
        if (sort is null)
        {
            if (ties.TryGetValue("_id", out var range)) // the range of keys of the job
                range.AsBsonDocument[after] = key;
            else
                ties.Add(tie, new BsonDocument(after, key));
            if (range is not null)
                range.AsBsonDocument.Remove(query.Descending ? "$lte" : "$gte");
            yield return ties;
            yield break;
        }
        BsonValue value = index.Sort == ItemSort.Time ? new BsonDateTime((long)last.Value) : last.Value;
        ties.Add(sort, value);
        ties.Add(tie, new BsonDocument(after, key));
        yield return ties;
        var beyond = Filters(query, index);
        beyond.Add(
            sort,
            index.ByProbability && query.Descending ? new BsonDocument { { "$lt", value }, { "$gte", 0 } } : new BsonDocument(after, value)
        );
        yield return beyond;
    }

    private static BsonDocument Filters(ItemQuery query, ItemIndex index)
    {
        var filter = new BsonDocument();
        if (query.Job is { } job)
            filter.Add(
                index == ItemIndex.Primary ? new BsonElement("_id", MongoKeys.InJob(job)) : new BsonElement("_id.job", MongoKeys.Id(job))
            );
        if (query.Status is { } status)
            filter.Add("status", MongoRaw.Status(status));
        if (query.Model is not null)
            filter.Add("model", query.Model);
        if (query.Label is not null)
            filter.Add("label", query.Label);
        if (query.LabelClass is not null)
            filter.Add("label_class", query.LabelClass);
        if (query.Predicted is not null)
            filter.Add("predicted", query.Predicted);
        if (query.Correct is { } correct)
            filter.Add("correct", correct);
        if (query.Explanation is { } explanation)
            filter.Add("explanation", MongoKeys.Id(explanation));
        return filter;
    }

    /// <summary>
    /// Reads one range. The filters before the sort field are equalities, so the index gives the order and nothing is sorted. The hint
    /// makes the server use that index.
    /// </summary>
    private Task<List<RawBsonDocument>> ReadAsync(
        BsonDocument filter,
        ItemIndex index,
        bool descending,
        int limit,
        CancellationToken cancellationToken
    )
    {
        var order = new BsonDocument();
        if (MongoIndexes.SortField(index) is { } sort)
            order.Add(sort, descending ? -1 : 1);
        order.Add(MongoIndexes.TieField(index), descending ? -1 : 1);
        var options = new FindOptions { Hint = index == ItemIndex.Primary ? new BsonDocument("_id", 1) : MongoIndexes.Keys(index) };
        return database.Items.Find(filter, options).Sort(order).Limit(limit).ToListAsync(cancellationToken);
    }
}
