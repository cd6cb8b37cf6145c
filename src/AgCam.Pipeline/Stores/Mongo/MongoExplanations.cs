using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

internal sealed class MongoExplanations(MongoDatabase database, TimeProvider clock) : IExplanations
{
    public Task<StoredExplanation?> FindAsync(Digest id, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            using var document = await database
                .Explanations.Find(new BsonDocument("_id", MongoKeys.Id(id)))
                .FirstOrDefaultAsync(cancellationToken);
            return document is null ? null : MongoRaw.ToExplanation(document);
        });

    public Task<IReadOnlyList<StoredExplanation>> FindAsync(
        IReadOnlyCollection<Digest> ids,
        CancellationToken cancellationToken = default
    ) =>
        MongoDatabase.RunAsync<IReadOnlyList<StoredExplanation>>(async () =>
            [.. (await database.Explanations.Find(OneOf(ids)).ToListAsync(cancellationToken)).Select(MongoRaw.ToExplanation)]
        );

    public Task<IReadOnlySet<Digest>> PinAsync(IReadOnlyCollection<Digest> ids, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync<IReadOnlySet<Digest>>(async () =>
        {
            if (ids.Count == 0)
                return new HashSet<Digest>();
            // Nearly always nothing is condemned, and a read is enough.
            var found = await FindStoredAsync(ids, cancellationToken);
            if (found.Any(item => item.Contains("condemned")))
            {
                var condemned = OneOf(ids).Add("condemned", new BsonDocument("$exists", true));
                await database.Explanations.UpdateManyAsync(
                    condemned,
                    new BsonDocument("$unset", new BsonDocument("condemned", "")),
                    null,
                    cancellationToken
                );
                found = await FindStoredAsync(ids, cancellationToken);
            }
            return found.Select(item => new Digest(item["_id"].AsByteArray)).ToHashSet();
        });

    public Task<PruneStep> PruneAsync(
        TimeSpan olderThan,
        TimeSpan grace,
        Digest? after = null,
        int limit = 1000,
        CancellationToken cancellationToken = default
    ) =>
        MongoDatabase.RunAsync(async () =>
        {
            var now = clock.Now();
            var page = await database
                .Explanations.Find(new BsonDocument("_id", new BsonDocument("$gt", new BsonBinaryData(after?.ToArray() ?? []))))
                .Sort(new BsonDocument("_id", 1))
                .Limit(limit)
                .Project(new BsonDocument { { "created", 1 }, { "condemned", 1 } })
                .ToListAsync(cancellationToken);
            var referred = await ReferredIdsAsync(page.Select(item => item["_id"]), cancellationToken);
            var isReferred = page.ToLookup(item => referred.Contains(item["_id"]));
            var toKeep = isReferred[true].Where(item => item.Contains("condemned"));
            var toCondemn = isReferred[false]
                .Where(item => !item.Contains("condemned") && item["created"].ToUniversalTime() < (now - olderThan).UtcDateTime);
            var toDelete = isReferred[false]
                .Where(item => item.Contains("condemned") && item["condemned"].ToUniversalTime() < (now - grace).UtcDateTime);

            // Each write compares "condemned" again, because a worker may have pinned the explanation meanwhile.
            await UpdateAsync(
                toKeep,
                new BsonDocument("$exists", true),
                new BsonDocument("$unset", new BsonDocument("condemned", "")),
                cancellationToken
            );
            var condemned = await UpdateAsync(
                toCondemn,
                new BsonDocument("$exists", false),
                new BsonDocument("$set", new BsonDocument("condemned", now.UtcDateTime)),
                cancellationToken
            );
            var deleted = await DeleteAsync(toDelete, (now - grace).UtcDateTime, cancellationToken);
            return new PruneStep(page.Count < limit ? null : new Digest(page[^1]["_id"].AsByteArray), (int)condemned, (int)deleted);
        });

    private async Task<HashSet<BsonValue>> ReferredIdsAsync(IEnumerable<BsonValue> ids, CancellationToken cancellationToken)
    {
        var referred = await database
            .Items.Find(new BsonDocument("explanation", new BsonDocument("$in", new BsonArray(ids))))
            .Project(new BsonDocument { { "explanation", 1 }, { "_id", 0 } })
            .ToListAsync(cancellationToken);
        return referred.Select(item => item["explanation"]).ToHashSet();
    }

    private async Task<long> UpdateAsync(
        IEnumerable<BsonDocument> explanations,
        BsonDocument condemned,
        BsonDocument update,
        CancellationToken cancellationToken
    )
    {
        var ids = new BsonArray(explanations.Select(item => item["_id"]));
        if (ids.Count == 0)
            return 0;
        var filter = new BsonDocument { { "_id", new BsonDocument("$in", ids) }, { "condemned", condemned } };
        return (await database.Explanations.UpdateManyAsync(filter, update, null, cancellationToken)).ModifiedCount;
    }

    private async Task<long> DeleteAsync(IEnumerable<BsonDocument> explanations, DateTime before, CancellationToken cancellationToken)
    {
        var ids = new BsonArray(explanations.Select(item => item["_id"]));
        if (ids.Count == 0)
            return 0;
        var filter = new BsonDocument { { "_id", new BsonDocument("$in", ids) }, { "condemned", new BsonDocument("$lt", before) } };
        return (await database.Explanations.DeleteManyAsync(filter, cancellationToken)).DeletedCount;
    }

    internal static BsonDocument OneOf(IEnumerable<Digest> ids) =>
        new("_id", new BsonDocument("$in", new BsonArray(ids.Distinct().Select(MongoKeys.Id))));

    private Task<List<BsonDocument>> FindStoredAsync(IReadOnlyCollection<Digest> ids, CancellationToken cancellationToken) =>
        database.Explanations.Find(OneOf(ids)).Project(new BsonDocument("condemned", 1)).ToListAsync(cancellationToken);
}
