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
        foreach (var name in new[] { "jobs", "chunks", "ledger" })
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
    public async Task What_chunks_were_to_compute_is_forgotten_several_at_a_time_and_all_of_it_with_the_end_of_the_job()
    {
        var job = (await PlannedJobAsync([.. Enumerable.Repeat(1, 20)])).Id;
        var kept = new List<long>();
        for (var number = 0; number < 20; number++)
        {
            var (chunk, lease) = await LeaseNextAsync(job);
            await SaveAsync(Some.Result(lease, chunk, Now));
            kept.Add(await ReferencesAsync());
        }

        Assert.Equal((20, 20, 4, 4, 0), (kept[0], kept[14], kept[15], kept[18], kept[19]));
    }

    [Fact]
    public async Task What_a_dead_process_had_counted_is_not_counted_again_and_loses_what_it_was_to_compute()
    {
        var job = (await PlannedJobAsync(1, 1, 1)).Id;
        for (var number = 0; number < 2; number++)
        {
            var (chunk, lease) = await LeaseNextAsync(job);
            await SaveAsync(Some.Result(lease, chunk, Now));
        }
        await using var other = await ReopenAsync(Clock);

        Assert.Equal(new RepairReport(0, 0, 0), await other.RepairAsync(Cancel));

        Assert.Equal(1, await ReferencesAsync());
        Assert.Equal(2, (await other.Jobs.FindAsync(job, Cancel))!.Progress.ChunksDone);
    }

    [Fact]
    public async Task What_a_worker_stored_before_it_died_is_counted_by_a_repair_once()
    {
        var job = (await PlannedJobAsync(2, 2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        await SaveAsync(Some.Result(lease, chunk, Now));
        using var client = new MongoClient(Uri);
        var ledger = client.GetDatabase(_name).GetCollection<BsonDocument>("ledger");
        var counted = await ledger.UpdateOneAsync( // as if it had died before it counted
            new BsonDocument(), new BsonDocument("$set", new BsonDocument { { "counted", new BsonArray() }, { "chunksDone", 0 }, { "completed", 0 }, { "failed", 0 }, { "correct", 0 }, { "labelled", 0 } }), null, Cancel);
        Assert.Equal(1, counted.ModifiedCount);
        Assert.Equal(0, (await Store.Jobs.FindAsync(job, Cancel))!.Progress.ChunksDone);
        await using var other = await ReopenAsync(Clock);

        Assert.Equal(new RepairReport(1, 0, 0), await other.RepairAsync(Cancel));
        Assert.Equal(new RepairReport(0, 0, 0), await other.RepairAsync(Cancel));

        Assert.Equal(await Store.Items.RecountAsync(job, Cancel), (await Store.Jobs.FindAsync(job, Cancel))!.Progress);
    }

    [Fact]
    public async Task What_another_process_has_cancelled_is_leased_for_a_moment_at_most()
    {
        var job = (await PlannedJobAsync(1, 1, 1)).Id;
        var chunks = await Store.Chunks.TakeAsync(job, 3, Minute, Cancel);
        Task<LeaseAnswer> LeaseAsync(int number) => Store.Chunks.LeaseAsync(Some.Message(chunks[number]), "worker", Minute, cancel: Cancel);
        Assert.Equal(LeaseOutcome.Granted, (await LeaseAsync(0)).Outcome);
        await using var other = await ReopenAsync(Clock);
        await other.Jobs.CancelAsync(job, cancel: Cancel);
        await Task.Delay(300, Cancel);
        Assert.Equal(LeaseOutcome.Cancelled, (await LeaseAsync(1)).Outcome);

        await using var own = await ReopenAsync(Clock);
        Assert.Equal(LeaseOutcome.Cancelled, (await own.Chunks.LeaseAsync(Some.Message(chunks[2]), "worker", Minute, cancel: Cancel)).Outcome);
    }

    private async Task<long> ReferencesAsync()
    {
        using var client = new MongoClient(Uri);
        return await client.GetDatabase(_name).GetCollection<BsonDocument>("references").CountDocumentsAsync(new BsonDocument(), null, Cancel);
    }

    internal static async Task DropAsync(string name)
    {
        using var client = new MongoClient(Uri);
        await client.DropDatabaseAsync(name);
    }
}
