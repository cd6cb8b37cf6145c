using System.Diagnostics;
using System.Security.Cryptography;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.DocumentDbGateway;

/// <summary>Measures how fast the database writes, and shows which sorted pages it reads from an index.</summary>
internal static class Probe
{
    public static async Task<int> RunAsync(string uri, int documents)
    {
        var client = new MongoClient(uri);
        var name = $"probe_{Guid.NewGuid():N}";
        var database = client.GetDatabase(name);
        try
        {
            foreach (var writers in new[] { 1, 4 })
                await InsertsAsync(database, $"items{writers}", documents, writers);
            await UpdatesAsync(database);
            await PagesAsync(database, "items1", documents);
        }
        finally
        {
            await client.DropDatabaseAsync(name);
        }
        return 0;
    }

    private static async Task InsertsAsync(IMongoDatabase database, string collection, int documents, int writers)
    {
        var items = database.GetCollection<BsonDocument>(collection).WithWriteConcern(WriteConcern.WMajority);
        var keys = Builders<BsonDocument>.IndexKeys;
        await items.Indexes.CreateManyAsync([
            new(keys.Ascending("job").Ascending("number")),
            new(keys.Ascending("model").Ascending("class").Ascending("probability").Ascending("_id")),
            new(keys.Ascending("sha256")),
        ]);
        var chunks = Enumerable.Range(0, documents).Chunk(1000);
        var watch = Stopwatch.StartNew();
        await Parallel.ForEachAsync(
            chunks,
            new ParallelOptions { MaxDegreeOfParallelism = writers },
            async (chunk, cancellationToken) =>
                await items.InsertManyAsync(chunk.Select(Item), new InsertManyOptions { IsOrdered = false }, cancellationToken)
        );
        Rate($"InsertMany, unordered, bulks of 1,000, {Item(0).ToBson().Length} bytes, 3 indexes, {writers} at a time", documents, watch);
        var again = Stopwatch.StartNew();
        try
        {
            await items.InsertManyAsync(Enumerable.Range(0, 1000).Select(Item), new InsertManyOptions { IsOrdered = false });
        }
        catch (MongoBulkWriteException<BsonDocument>)
        {
            Rate("the same 1,000 again, each refused as a duplicate", 1000, again);
        }
    }

    private static async Task UpdatesAsync(IMongoDatabase database)
    {
        const int count = 2000;
        var chunks = database.GetCollection<BsonDocument>("chunks");
        await chunks.InsertManyAsync(
            Enumerable
                .Range(0, count)
                .Select(i => new BsonDocument
                {
                    { "_id", i },
                    { "state", "queued" },
                    { "epoch", 0 },
                })
        );
        foreach (var workers in new[] { 1, 8 })
        {
            var watch = Stopwatch.StartNew();
            await Parallel.ForEachAsync(
                Enumerable.Range(0, count),
                new ParallelOptions { MaxDegreeOfParallelism = workers },
                async (i, cancellationToken) =>
                    await chunks.FindOneAndUpdateAsync<BsonDocument>(
                        Builders<BsonDocument>.Filter.Eq("_id", i),
                        Builders<BsonDocument>.Update.Set("state", "running").Inc("epoch", 1),
                        cancellationToken: cancellationToken
                    )
            );
            Rate($"findOneAndUpdate by _id, {workers} at a time", count, watch);
        }
        var bulk = Stopwatch.StartNew();
        await chunks.BulkWriteAsync(
            Enumerable
                .Range(0, count)
                .Select(i => new UpdateOneModel<BsonDocument>(
                    Builders<BsonDocument>.Filter.Eq("_id", i),
                    Builders<BsonDocument>.Update.Set("state", "done")
                )),
            new BulkWriteOptions { IsOrdered = false }
        );
        Rate("UpdateOne by _id in one unordered bulk", count, bulk);
    }

    private static async Task PagesAsync(IMongoDatabase database, string collection, int documents)
    {
        var middle = documents / 20;
        await PageAsync(database, collection, "first page of a job", "{job: 3}", "{number: 1}");
        await PageAsync(
            database,
            collection,
            "page after a key in a job",
            $"{{job: 3, number: {{$gt: {middle * 10 + 3}}}}}",
            "{number: 1}"
        );
        await PageAsync(database, collection, "last page of a job, backwards", "{job: 3}", "{number: -1}");
        await PageAsync(
            database,
            collection,
            "first page by model, class, probability",
            "{model: 'vit', class: 5}",
            "{probability: 1, _id: 1}"
        );
        await PageAsync(database, collection, "the same, backwards", "{model: 'vit', class: 5}", "{probability: -1, _id: -1}");
        await PageAsync(
            database,
            collection,
            "page after a key there",
            "{model: 'vit', class: 5, probability: {$gt: 0.5}}",
            "{probability: 1, _id: 1}"
        );
        await PageAsync(
            database,
            collection,
            "page after a key with its tie, as $or",
            "{model: 'vit', class: 5, $or: [{probability: {$gt: 0.5}}, {probability: 0.5, _id: {$gt: 'item 000000100'}}]}",
            "{probability: 1, _id: 1}"
        );
        await PageAsync(
            database,
            collection,
            "the same with a redundant bound",
            "{model: 'vit', class: 5, probability: {$gte: 0.5}, $or: [{probability: {$gt: 0.5}}, {probability: 0.5, _id: {$gt: "
                + "'item 000000100'}}]}",
            "{probability: 1, _id: 1}"
        );
        await PageAsync(database, collection, "by job, filter outside the index", "{job: 3, correct: false}", "{number: 1}");
        await PageAsync(database, collection, "all by _id, from a key", "{_id: {$gt: 'item 000000500'}}", "{_id: 1}");
        await PageAsync(database, collection, "by job, sort outside the index", "{job: 3}", "{sha256: 1}");
        await PageAsync(database, collection, "$in over classes", "{model: 'vit', class: {$in: [1, 5]}}", "{probability: 1}");
    }

    private static async Task PageAsync(IMongoDatabase database, string collection, string what, string filter, string sort)
    {
        var find = database.GetCollection<BsonDocument>(collection).Find(filter).Sort(sort).Limit(50);
        var milliseconds = new List<double>();
        for (var i = 0; i < 100; i++)
        {
            var watch = Stopwatch.StartNew();
            if ((await find.ToListAsync()).Count == 0)
                throw new InvalidOperationException($"'{what}' found nothing");
            milliseconds.Add(watch.Elapsed.TotalMilliseconds);
        }
        milliseconds.Sort();
        var command = new BsonDocument
        {
            { "find", collection },
            { "filter", BsonDocument.Parse(filter) },
            { "sort", BsonDocument.Parse(sort) },
            { "limit", 50 },
        };
        var plan = (await database.RunCommandAsync<BsonDocument>(new BsonDocument("explain", command)))["queryPlanner"]["winningPlan"][
            "Plan"
        ].AsBsonDocument;
        Console.WriteLine($"{what}: p50 {milliseconds[50]:F1} ms, p99 {milliseconds[98]:F1} ms; {Summary(plan)}");
    }

    /// <summary>Returns the plan's nodes from top to bottom, with the rows that each one has read.</summary>
    private static string Summary(BsonDocument plan)
    {
        var index = plan.TryGetValue("Index Name", out var name) ? $" on {name}" : "";
        var order = plan.Contains("Order By") ? ", ordered" : "";
        var node = $"{plan["Node Type"].AsString}{index} ({plan.GetValue("Actual Rows", 0).ToDouble():F0} rows{order})";
        var below = plan.GetValue("Plans", new BsonArray()).AsBsonArray.Select(child => Summary(child.AsBsonDocument));
        return string.Join(" < ", below.Prepend(node));
    }

    private static BsonDocument Item(int i) =>
        new()
        {
            { "_id", $"item {i:D9}" },
            { "job", i % 10 },
            { "number", i },
            { "model", i % 3 == 0 ? "swin" : "vit" },
            { "class", i % 97 },
            { "probability", (i * 7919L % 100_003) / 100_003.0 },
            { "correct", i % 11 != 0 },
            { "sha256", new BsonBinaryData(SHA256.HashData(BitConverter.GetBytes(i))) },
            { "map", new BsonBinaryData(new byte[392]) },
            { "logits", new BsonBinaryData(new byte[300]) },
        };

    private static void Rate(string what, int count, Stopwatch watch) =>
        Console.WriteLine($"{what}: {count / watch.Elapsed.TotalSeconds:F0} a second");
}
