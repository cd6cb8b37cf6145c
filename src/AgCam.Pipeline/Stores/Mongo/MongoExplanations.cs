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
                .Explanations.Find(new BsonDocument("_id", MongoRaw.Id(id)))
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
            var found = await LookAsync(ids, cancellationToken);
            if (found.Any(item => item.Contains("condemned")))
            {
                var condemned = OneOf(ids).Add("condemned", new BsonDocument("$exists", true));
                await database.Explanations.UpdateManyAsync(
                    condemned,
                    new BsonDocument("$unset", new BsonDocument("condemned", "")),
                    null,
                    cancellationToken
                );
                found = await LookAsync(ids, cancellationToken);
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
            var looked = await database
                .Explanations.Find(new BsonDocument("_id", new BsonDocument("$gt", new BsonBinaryData(after?.ToArray() ?? []))))
                .Sort(new BsonDocument("_id", 1))
                .Limit(limit)
                .Project(new BsonDocument { { "created", 1 }, { "condemned", 1 } })
                .ToListAsync(cancellationToken);
            var referred = await ReferredAsync(looked.Select(item => item["_id"]), cancellationToken);
            var isReferred = looked.ToLookup(item => referred.Contains(item["_id"]));
            var saved = isReferred[true].Where(item => item.Contains("condemned"));
            var toCondemn = isReferred[false]
                .Where(item => !item.Contains("condemned") && item["created"].ToUniversalTime() < (now - olderThan).UtcDateTime);
            var toDelete = isReferred[false]
                .Where(item => item.Contains("condemned") && item["condemned"].ToUniversalTime() < (now - grace).UtcDateTime);

            // Each step looks again at what it found: a worker may have taken an explanation up meanwhile.
            await UpdateAsync(
                saved,
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
            return new PruneStep(looked.Count < limit ? null : new Digest(looked[^1]["_id"].AsByteArray), (int)condemned, (int)deleted);
        });

    private async Task<HashSet<BsonValue>> ReferredAsync(IEnumerable<BsonValue> ids, CancellationToken cancellationToken)
    {
        var referred = await database
            .Items.Find(new BsonDocument("explanation", new BsonDocument("$in", new BsonArray(ids))))
            .Project(new BsonDocument { { "explanation", 1 }, { "_id", 0 } })
            .ToListAsync(cancellationToken);
        return referred.Select(item => item["explanation"]).ToHashSet();
    }

    private async Task<long> UpdateAsync(
        IEnumerable<BsonDocument> which,
        BsonDocument condemned,
        BsonDocument update,
        CancellationToken cancellationToken
    )
    {
        var ids = new BsonArray(which.Select(item => item["_id"]));
        if (ids.Count == 0)
            return 0;
        var filter = new BsonDocument { { "_id", new BsonDocument("$in", ids) }, { "condemned", condemned } };
        return (await database.Explanations.UpdateManyAsync(filter, update, null, cancellationToken)).ModifiedCount;
    }

    private async Task<long> DeleteAsync(IEnumerable<BsonDocument> which, DateTime before, CancellationToken cancellationToken)
    {
        var ids = new BsonArray(which.Select(item => item["_id"]));
        if (ids.Count == 0)
            return 0;
        var filter = new BsonDocument { { "_id", new BsonDocument("$in", ids) }, { "condemned", new BsonDocument("$lt", before) } };
        return (await database.Explanations.DeleteManyAsync(filter, cancellationToken)).DeletedCount;
    }

    internal static BsonDocument OneOf(IEnumerable<Digest> ids) =>
        new("_id", new BsonDocument("$in", new BsonArray(ids.Distinct().Select(MongoRaw.Id))));

    private Task<List<BsonDocument>> LookAsync(IReadOnlyCollection<Digest> ids, CancellationToken cancellationToken) =>
        database.Explanations.Find(OneOf(ids)).Project(new BsonDocument("condemned", 1)).ToListAsync(cancellationToken);
}
