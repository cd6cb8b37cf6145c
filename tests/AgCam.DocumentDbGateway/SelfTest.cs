using System.Diagnostics;
using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.GridFS;

namespace AgCam.DocumentDbGateway;

/// <summary>Checks what the MongoDB store needs through MongoDB.Driver: one line per check, exit code 1 when one fails.</summary>
internal static class SelfTest
{
    public static async Task<int> RunAsync(string uri)
    {
        var client = new MongoClient(uri);
        var name = $"selftest_{Guid.NewGuid():N}";
        var failed = 0;
        foreach (var (what, check) in Checks(client, client.GetDatabase(name)))
        {
            var watch = Stopwatch.StartNew();
            try
            {
                await check();
                Console.WriteLine($"ok    {what} ({watch.ElapsedMilliseconds} ms)");
            }
            catch (Exception failure)
            {
                failed++;
                Console.WriteLine($"FAIL  {what}: {failure.GetType().Name}: {Short(failure.Message)}");
            }
        }
        await client.DropDatabaseAsync(name);
        Console.WriteLine(failed == 0 ? "all passed" : $"{failed} failed");
        return failed == 0 ? 0 : 1;
    }

    private static IEnumerable<(string What, Func<Task> Check)> Checks(IMongoClient client, IMongoDatabase database)
    {
        var items = database.GetCollection<BsonDocument>("items").WithWriteConcern(WriteConcern.WMajority);
        var all = FilterDefinition<BsonDocument>.Empty;

        yield return (
            "indexes: compound, unique, time to live",
            async () =>
            {
                var keys = Builders<BsonDocument>.IndexKeys;
                await items.Indexes.CreateManyAsync([
                    new(keys.Ascending("job").Ascending("number")),
                    new(keys.Ascending("key"), new CreateIndexOptions { Unique = true }),
                    new(keys.Ascending("expires"), new CreateIndexOptions { ExpireAfter = TimeSpan.FromHours(1) }),
                ]);
                var indexes = await (await items.Indexes.ListAsync()).ToListAsync();
                Equal(4, indexes.Count);
                Equal(true, indexes.Single(index => index["key"].AsBsonDocument.Contains("key"))["unique"].ToBoolean());
                Equal(3600, indexes.Single(index => index["key"].AsBsonDocument.Contains("expires"))["expireAfterSeconds"].ToInt32());
            }
        );
        yield return (
            "15,000 documents, unordered, majority",
            async () =>
            {
                await items.InsertManyAsync(Enumerable.Range(0, 15_000).Select(Item), new InsertManyOptions { IsOrdered = false });
                Equal(15_000L, await items.CountDocumentsAsync(all));
            }
        );
        yield return (
            "a second document of the same _id is a DuplicateKey",
            async () =>
                Equal(
                    ServerErrorCategory.DuplicateKey,
                    (await ThrowsAsync<MongoWriteException>(() => items.InsertOneAsync(Item(7)))).WriteError.Category
                )
        );
        yield return (
            "a second document under a unique index is a DuplicateKey",
            async () =>
            {
                var twin = Item(20_000).Set("key", "key 7");
                Equal(
                    ServerErrorCategory.DuplicateKey,
                    (await ThrowsAsync<MongoWriteException>(() => items.InsertOneAsync(twin))).WriteError.Category
                );
            }
        );
        yield return (
            "an unordered bulk stores what is new and names each duplicate",
            async () =>
            {
                var bulk = Enumerable.Range(14_990, 20).Select(Item);
                var failure = await ThrowsAsync<MongoBulkWriteException<BsonDocument>>(() =>
                    items.InsertManyAsync(bulk, new InsertManyOptions { IsOrdered = false })
                );
                Equal(10, failure.WriteErrors.Count(error => error.Category == ServerErrorCategory.DuplicateKey));
                Equal("0 1 2 3 4 5 6 7 8 9", string.Join(' ', failure.WriteErrors.Select(error => error.Index).Order()));
                Equal(15_010L, await items.CountDocumentsAsync(all));
            }
        );
        yield return (
            "one unordered bulk of inserts, updates, upserts and deletes",
            async () =>
            {
                var mixed = database.GetCollection<BsonDocument>("mixed");
                await mixed.InsertManyAsync(Enumerable.Range(0, 10).Select(Item));
                var result = await mixed.BulkWriteAsync(
                    [
                        new InsertOneModel<BsonDocument>(Item(10)),
                        new UpdateOneModel<BsonDocument>(Is("number", 3), Builders<BsonDocument>.Update.Set("state", "done")),
                        new UpdateOneModel<BsonDocument>(Is("number", 99), Builders<BsonDocument>.Update.SetOnInsert("state", "new"))
                        {
                            IsUpsert = true,
                        },
                        new DeleteManyModel<BsonDocument>(Builders<BsonDocument>.Filter.Lt("number", 2)),
                    ],
                    new BulkWriteOptions { IsOrdered = false }
                );
                Equal((1L, 1L, 1, 2L), (result.InsertedCount, result.ModifiedCount, result.Upserts.Count, result.DeletedCount));
            }
        );
        yield return (
            "find with filter, sort, skip, limit and projection",
            async () =>
            {
                var found = await items
                    .Find(Is("job", 3))
                    .Sort("{number: -1}")
                    .Skip(1)
                    .Limit(5)
                    .Project("{number: 1, _id: 0}")
                    .ToListAsync();
                Equal("14993 14983 14973 14963 14953", string.Join(' ', found.Select(item => item["number"])));
            }
        );
        yield return (
            "a cursor over all, unsorted",
            async () => Equal(15_010, (await items.Find(all).ToListAsync()).DistinctBy(item => item["_id"]).Count())
        );
        yield return (
            "a cursor over all, sorted, in pages of 500",
            async () =>
            {
                var found = await items.Find(all, new FindOptions { BatchSize = 500 }).Sort("{number: 1}").ToListAsync();
                Equal(true, found.Select(item => item["number"].AsInt32).SequenceEqual(Enumerable.Range(0, 15_010)));
            }
        );
        yield return (
            "an abandoned sorted cursor lets its collection be dropped",
            async () =>
            {
                var mixed = database.GetCollection<BsonDocument>("abandoned");
                await mixed.InsertManyAsync(Enumerable.Range(0, 1000).Select(Item));
                using (var cursor = await mixed.Find(all, new FindOptions { BatchSize = 10 }).Sort("{payload: 1}").ToCursorAsync())
                    await cursor.MoveNextAsync();
                await database.DropCollectionAsync("abandoned");
                Equal(false, (await (await database.ListCollectionNamesAsync()).ToListAsync()).Contains("abandoned"));
            }
        );
        yield return (
            "count and distinct",
            async () =>
            {
                Equal(1501L, await items.CountDocumentsAsync(Is("job", 3)));
                Equal(15_010L, await items.EstimatedDocumentCountAsync());
                Equal(10, (await (await items.DistinctAsync<int>("job", all)).ToListAsync()).Count);
            }
        );
        yield return (
            "findOneAndUpdate: upsert, then compare and set",
            async () =>
            {
                var leases = database.GetCollection<BsonDocument>("leases");
                var next = Builders<BsonDocument>.Update.Inc("epoch", 1);
                var after = new FindOneAndUpdateOptions<BsonDocument> { IsUpsert = true, ReturnDocument = ReturnDocument.After };
                var lease = await leases.FindOneAndUpdateAsync(Is("_id", "a"), next, after);
                Equal(1, lease["epoch"].AsInt32);
                after.IsUpsert = false;
                Equal(2, (await leases.FindOneAndUpdateAsync(Is("_id", "a") & Is("epoch", 1), next, after))["epoch"].AsInt32);
                Equal(null, await leases.FindOneAndUpdateAsync(Is("_id", "a") & Is("epoch", 1), next, after));
            }
        );
        yield return (
            "of 16 compare-and-sets at once, one wins",
            async () =>
            {
                var leases = database.GetCollection<BsonDocument>("leases");
                await leases.InsertOneAsync(new BsonDocument { { "_id", "race" }, { "owner", "" } });
                var outcomes = await Task.WhenAll(
                    Enumerable
                        .Range(0, 16)
                        .Select(i =>
                            leases.UpdateOneAsync(
                                Is("_id", "race") & Is("owner", ""),
                                Builders<BsonDocument>.Update.Set("owner", $"worker {i}")
                            )
                        )
                );
                Equal(1L, outcomes.Sum(outcome => outcome.ModifiedCount));
            }
        );
        yield return (
            "eight writers of the same 2,000 keys in different orders store each once",
            async () =>
            {
                var races = database.GetCollection<BsonDocument>("races");
                await Task.WhenAll(
                    Enumerable
                        .Range(0, 8)
                        .Select(async writer =>
                        {
                            var order = Enumerable.Range(0, 2000).ToArray();
                            new Random(writer).Shuffle(order);
                            foreach (var chunk in order.Chunk(500))
                            {
                                try
                                {
                                    await races.InsertManyAsync(chunk.Select(Item), new InsertManyOptions { IsOrdered = false });
                                }
                                catch (MongoBulkWriteException failure)
                                    when (failure.WriteErrors.All(error => error.Category == ServerErrorCategory.DuplicateKey)) { }
                            }
                        })
                );
                Equal(2000L, await races.CountDocumentsAsync(all));
            }
        );
        yield return (
            "updateMany and deleteMany",
            async () =>
            {
                Equal(1501L, (await items.UpdateManyAsync(Is("job", 4), Builders<BsonDocument>.Update.Set("state", "done"))).ModifiedCount);
                Equal(1501L, (await items.DeleteManyAsync(Is("job", 4))).DeletedCount);
            }
        );
        yield return (
            "aggregate: match, group, sort",
            async () =>
            {
                var groups = await items
                    .Aggregate()
                    .Match(Is("job", 3))
                    .Group("{_id: '$class', n: {$sum: 1}}")
                    .Sort("{_id: 1}")
                    .ToListAsync();
                Equal(1501, groups.Sum(group => group["n"].ToInt32()));
            }
        );
        yield return (
            "GridFS: 3 MB up, down, deleted",
            async () =>
            {
                var bucket = new GridFSBucket(database);
                var bytes = new byte[3_000_000];
                new Random(1).NextBytes(bytes);
                var id = await bucket.UploadFromBytesAsync("picture.jpg", bytes);
                Equal(true, (await bucket.DownloadAsBytesAsync(id)).AsSpan().SequenceEqual(bytes));
                await bucket.DeleteAsync(id);
                await ThrowsAsync<GridFSFileNotFoundException>(() => bucket.DownloadAsBytesAsync(id));
            }
        );
        yield return (
            "a broken command is refused with its code",
            async () =>
            {
                Equal(
                    59,
                    (await ThrowsAsync<MongoCommandException>(() => database.RunCommandAsync<BsonDocument>("{noSuchCommand: 1}"))).Code
                );
                Equal(2, (await ThrowsAsync<MongoCommandException>(() => items.Find("{number: {$noSuchOperator: 1}}").ToListAsync())).Code);
            }
        );
        yield return (
            "explain, stats, databases, dropped index",
            async () =>
            {
                var plan = await database.RunCommandAsync<BsonDocument>("{explain: {find: 'items', filter: {job: 3}}}");
                Equal(true, plan["queryPlanner"]["winningPlan"].AsBsonDocument.Contains("Plan"));
                Equal(true, (await database.RunCommandAsync<BsonDocument>("{collStats: 'items'}"))["size"].ToInt64() > 0);
                await database.RunCommandAsync<BsonDocument>("{dbStats: 1}");
                Equal(
                    true,
                    (await (await client.ListDatabaseNamesAsync()).ToListAsync()).Contains(database.DatabaseNamespace.DatabaseName)
                );
                await items.Indexes.DropOneAsync("job_1_number_1");
                Equal(3, (await (await items.Indexes.ListAsync()).ToListAsync()).Count);
            }
        );
    }

    private static string Short(string message) => message.Length > 300 ? message[..300] + "..." : message;

    private static BsonDocument Item(int i) =>
        new()
        {
            { "_id", $"item {i}" },
            { "key", $"key {i}" },
            { "job", i % 10 },
            { "number", i },
            { "class", i % 7 },
            { "payload", new BsonBinaryData(new byte[400]) },
        };

    private static FilterDefinition<BsonDocument> Is<T>(string field, T value) => Builders<BsonDocument>.Filter.Eq(field, value);

    private static void Equal<T>(T expected, T actual)
    {
        if (!Equals(expected, actual))
            throw new InvalidOperationException($"expected {expected}, found {actual}");
    }

    private static async Task<TException> ThrowsAsync<TException>(Func<Task> act)
        where TException : Exception
    {
        try
        {
            await act();
        }
        catch (TException expected)
        {
            return expected;
        }
        throw new InvalidOperationException($"expected {typeof(TException).Name}, nothing was thrown");
    }
}
