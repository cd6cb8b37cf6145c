using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Tries the features that the store needs on three documents, and compares the answers with MongoDB's. A server that leaves out a field
/// of an answer would otherwise lose chunks or count them twice.
/// </summary>
internal sealed class MongoCapabilities(MongoDatabase database)
{
    /// <summary>Wire version of MongoDB 6.0.</summary>
    private const int MinWireVersion = 17;

    private const string NextStep = "Use MongoDB 6.0 or later.";

    private readonly IMongoCollection<RawBsonDocument> _meta = database.Database.GetCollection<RawBsonDocument>(
        database.Meta.CollectionNamespace.CollectionName
    );
    private readonly ObjectId _probe = ObjectId.GenerateNewId();
    private readonly List<string> _lacking = [];

    private string Where => $"The database {database.Database.DatabaseNamespace}";

    /// <exception cref="StoreSchemaException">The server is too old, or an answer differs from MongoDB's.</exception>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        await CheckVersionAsync(cancellationToken);
        try
        {
            await TryFeaturesAsync(cancellationToken);
        }
        finally
        {
            await RemoveProbeAsync(cancellationToken);
        }
        if (_lacking.Count > 0)
            throw new StoreSchemaException(
                $"{Where} cannot hold a store, because its server does not {string.Join("; and does not ", _lacking)}. {NextStep}"
            );
    }

    private async Task CheckVersionAsync(CancellationToken cancellationToken)
    {
        try
        {
            var hello = await database.Database.RunCommandAsync<BsonDocument>(new BsonDocument("hello", 1), null, cancellationToken);
            var version = hello.TryGetValue("maxWireVersion", out var received) && received.IsNumeric ? received.ToInt32() : (int?)null;
            if (version is null or < MinWireVersion)
                throw new StoreSchemaException(
                    $"{Where} is on a server that is too old: its protocol has version {version?.ToString() ?? "unknown"}, "
                        + $"and {MinWireVersion} is needed. {NextStep}"
                );
        }
        catch (Exception e) when (MongoErrors.IsRefusal(e))
        {
            throw new StoreSchemaException($"{Where} is on a server that is too old, or is not MongoDB: {e.Message} {NextStep}");
        }
    }

    private async Task TryFeaturesAsync(CancellationToken cancellationToken)
    {
        await TryAsync(
            "tell which documents of an insert are duplicates",
            async () =>
            {
                RawBsonDocument[] documents = [Raw(0, ("state", 1)), Raw(1), Raw(0), Raw(2)];
                return (await MongoDatabase.InsertNewAsync(_meta, documents, cancellationToken)).SequenceEqual([true, true, false, true]);
            }
        );
        await TryAsync(
            "find and sort documents by ranges of compound keys",
            async () =>
            {
                var range = new BsonDocument("_id", Range(0, 1));
                var found = await database.Meta.Find(range).Sort(new BsonDocument("_id", -1)).ToListAsync(cancellationToken);
                return found.Select(document => document["_id"]["n"].ToInt32()).SequenceEqual([1, 0]);
            }
        );
        await TryAsync(
            "treat a missing field as null",
            async () =>
            {
                var either = new BsonDocument("$in", new BsonArray { 5, BsonNull.Value });
                return await database.Meta.Find(All.Add("generation", either)).CountDocumentsAsync(cancellationToken) == 3;
            }
        );
        await TryAsync(
            "count what an update matched and changed",
            async () =>
            {
                var set = new BsonDocument("$set", new BsonDocument("state", 1));
                var updated = await database.Meta.UpdateManyAsync(All, set, null, cancellationToken);
                return (updated.MatchedCount, updated.ModifiedCount) == (3, 2);
            }
        );
        await TryAsync(
            "find and change a document in one step",
            async () =>
            {
                var (first, second) = (await CountAsync(cancellationToken), await CountAsync(cancellationToken));
                return first is not null && first["done"] == 2 && !first.Contains("counted") && second is null;
            }
        );
        await TryAsync(
            "add up fields",
            async () =>
            {
                var sum = await database
                    .Meta.Aggregate()
                    .Match(All)
                    .Group(
                        new BsonDocument
                        {
                            { "_id", BsonNull.Value },
                            { "done", new BsonDocument("$sum", "$done") },
                            { "state", new BsonDocument("$min", "$state") },
                        }
                    )
                    .SingleAsync(cancellationToken);
                return sum["done"] == 2 && sum["state"] == 1;
            }
        );
        await TryAsync(
            "count what a delete removed",
            async () => (await database.Meta.DeleteManyAsync(All, cancellationToken)).DeletedCount == 3
        );
    }

    private async Task TryAsync(string feature, Func<Task<bool>> works)
    {
        try
        {
            if (!await works())
                _lacking.Add(feature);
        }
        catch (Exception e) when (MongoErrors.IsRefusal(e) || e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            _lacking.Add($"{feature} ({e.Message})");
        }
    }

    /// <summary>Counts a chunk as <see cref="MongoLedger"/> does, so a second call must find nothing.</summary>
    private Task<BsonDocument?> CountAsync(CancellationToken cancellationToken) =>
        database.Meta.FindOneAndUpdateAsync<BsonDocument?>(
            new BsonDocument { { "_id", Key(0) }, { "counted", new BsonDocument("$nin", new BsonArray { 7 }) } },
            new BsonDocument
            {
                { "$push", new BsonDocument("counted", new BsonDocument("$each", new BsonArray { 7, 8 })) },
                { "$inc", new BsonDocument("done", 2) },
            },
            new FindOneAndUpdateOptions<BsonDocument, BsonDocument?>
            {
                ReturnDocument = ReturnDocument.After,
                Projection = new BsonDocument("counted", 0),
            },
            cancellationToken
        );

    private async Task RemoveProbeAsync(CancellationToken cancellationToken)
    {
        try
        {
            await database.Meta.DeleteManyAsync(All, cancellationToken);
        }
        catch (Exception e) when (MongoErrors.IsTransient(e) || MongoErrors.IsRefusal(e))
        {
            // Nothing reads the three documents of a probe.
        }
    }

    private BsonDocument All => new("_id", Range(0, 2));

    private BsonDocument Range(int from, int to) => new() { { "$gte", Key(from) }, { "$lte", Key(to) } };

    private BsonDocument Key(int number) => new() { { "probe", _probe }, { "n", number } };

    private RawBsonDocument Raw(int number, params (string Name, BsonValue Value)[] fields)
    {
        var document = new BsonDocument("_id", Key(number));
        foreach (var (name, value) in fields)
            document.Add(name, value);
        return new RawBsonDocument(document.ToBson());
    }
}
