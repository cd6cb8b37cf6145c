using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using MongoDB.Bson;
using MongoDB.Driver;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Needs a server: AGCAM_TEST_MONGODB names it. Each test has a database of its own there, and drops it.</summary>
public sealed class MongoStoreTests : StoreContract
{
    public const string Variable = "AGCAM_TEST_MONGODB";

    private readonly string _name = NewName();

    public static string? Uri => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } uri ? uri : null;

    public static string NewName() => $"agcam_test_{Guid.NewGuid():N}"[..30];

    protected override Task<IStore> CreateAsync(TimeProvider clock)
    {
        Assert.SkipWhen(Uri is null, $"{Variable} is not set: no MongoDB to test against.");
        return ReopenAsync(clock);
    }

    protected override Task<IStore> ReopenAsync(TimeProvider clock) => Task.FromResult<IStore>(new MongoStore(new MongoOptions { Uri = Uri!, Database = _name }, clock));

    protected override Task DropAsync() => DropAsync(_name);

    [Fact]
    public async Task A_store_of_version_3_goes_on_with_the_chunks_it_has()
    {
        var job = (await PlannedJobAsync(2, 3)).Id;
        var before = (await Store.Chunks.FindAsync(job, 1, Cancel))!;
        using var client = new MongoClient(Uri);
        var (database, references) = (client.GetDatabase(_name), client.GetDatabase(_name).GetCollection<BsonDocument>("references"));
        foreach (var document in await references.Find(new BsonDocument()).ToListAsync(Cancel)) // as version 3 had it
            await database.GetCollection<BsonDocument>("chunks").UpdateOneAsync(
                new BsonDocument("plan", document["_id"]["plan"]) { { "_id.n", document["_id"]["n"] } },
                new BsonDocument { { "$set", new BsonDocument("refs", document["refs"]) }, { "$unset", new BsonDocument("plan", 1) } }, null, Cancel);
        await references.DeleteManyAsync(new BsonDocument(), Cancel);
        await database.GetCollection<BsonDocument>("meta").UpdateOneAsync(new BsonDocument("_id", "schema"), new BsonDocument("$set", new BsonDocument("version", 3)), null, Cancel);
        await using var older = await ReopenAsync(Clock);
        Assert.Equal(3, await older.SchemaVersionAsync(Cancel));
        Assert.Empty((await older.Chunks.FindAsync(job, 1, Cancel))!.References);

        await older.MigrateAsync(Cancel);

        Assert.Equal(StoreSchema.Version, await older.SchemaVersionAsync(Cancel));
        Assert.Equal(before.References, (await older.Chunks.FindAsync(job, 1, Cancel))!.References);
        Assert.Equal(before.References, (await older.Chunks.TakeAsync(job, 2, TimeSpan.FromMinutes(1), Cancel))[1].References);
    }

    [Fact]
    public async Task A_job_of_version_5_goes_on_though_nothing_tells_its_life()
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec(), cancel: Cancel)).Job.Id;
        await AddAsync(job, 2);
        using var client = new MongoClient(Uri);
        foreach (var name in new[] { "jobs", "chunks" })
            Assert.Equal(1, (await client.GetDatabase(_name).GetCollection<BsonDocument>(name).UpdateManyAsync(new BsonDocument(), new BsonDocument("$unset", new BsonDocument("life", 1)), null, Cancel)).ModifiedCount);

        Assert.NotNull(await AddAsync(job, 1));
        await Store.Jobs.FinishPlanningAsync(job, 0, Cancel);
        for (var number = 0; number < 2; number++)
        {
            var (chunk, lease) = await LeaseNextAsync(job);
            Assert.True(await Store.Chunks.HeartbeatAsync(lease, Minute, Cancel));
            Assert.Equal(SaveOutcome.Saved, (await SaveAsync(Some.Result(lease, chunk, Now))).Outcome);
        }
        Assert.Equal(JobState.Completed, (await Store.Jobs.FindAsync(job, Cancel))!.State);
    }

    [Fact]
    public async Task What_a_chunk_was_to_compute_is_forgotten_with_its_end()
    {
        await JobOfAsync(4, (id, number) => Some.Item(id, number, Now, null));
        using var client = new MongoClient(Uri);

        Assert.Equal(0, await client.GetDatabase(_name).GetCollection<BsonDocument>("references").CountDocumentsAsync(new BsonDocument(), null, Cancel));
    }

    internal static async Task DropAsync(string name)
    {
        using var client = new MongoClient(Uri);
        await client.DropDatabaseAsync(name);
    }
}
