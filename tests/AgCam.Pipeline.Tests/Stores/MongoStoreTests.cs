using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using MongoDB.Bson;
using MongoDB.Driver;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Runs on the server that AGCAM_TEST_MONGODB names. Each test creates a database and drops it.</summary>
public sealed class MongoStoreTests : StoreContract
{
    private readonly string _name = MongoServer.NewName();

    protected override Task<IStore> CreateAsync(TimeProvider clock)
    {
        Assert.SkipWhen(MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        return ReopenAsync(clock);
    }

    protected override Task<IStore> ReopenAsync(TimeProvider clock) =>
        Task.FromResult<IStore>(new MongoStore(new MongoOptions { Uri = MongoServer.Uri!, Database = _name }, clock));

    protected override Task<long> CountUploadPiecesAsync() =>
        ((MongoStore)Store).Database.UploadPieces.CountDocumentsAsync(new BsonDocument(), null, Cancel);

    protected override async Task DropAsync()
    {
        await MongoServer.DropAsync(_name);
        await MongoServer.DropAsync($"{_name}_copy");
    }

    private protected override async Task<IStore> CopyTornAsync(string[] early, Func<Task> meanwhile)
    {
        using var client = new MongoClient(MongoServer.Uri);
        var (from, to) = (client.GetDatabase(_name), client.GetDatabase($"{_name}_copy"));
        async Task CopyAsync(IEnumerable<string> names)
        {
            foreach (var name in names)
                if (await from.GetCollection<BsonDocument>(name).Find(new BsonDocument()).ToListAsync(Cancel) is { Count: > 0 } documents)
                    await to.GetCollection<BsonDocument>(name).InsertManyAsync(documents, null, Cancel);
        }
        // Indexes first: the test server cannot add indexes to existing collections.
        var copy = new MongoStore(new MongoOptions { Uri = MongoServer.Uri!, Database = $"{_name}_copy" }, Clock);
        await copy.MigrateAsync(Cancel);
        await CopyAsync(early);
        await meanwhile();
        await CopyAsync((await (await from.ListCollectionNamesAsync(null, Cancel)).ToListAsync(Cancel)).Except([.. early, "meta"]));
        return copy;
    }

    [Fact]
    public async Task An_old_process_leases_saves_plans_and_publishes_nothing_after_a_migration()
    {
        var job = (await PlannedJobAsync(1, 1, 1)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        var published = Assert.Single(await Store.Chunks.ClaimPlannedAsync(job, 2, Hour, Cancel));
        var refusedDuringMigration = 0;
        await using var newer = Newer(
            async (_, _) =>
            {
                var message = Some.Message(published);
                await Assert.ThrowsAsync<StoreSchemaException>(() =>
                    Store.Chunks.LeaseAsync(message, "old", Minute, cancellationToken: Cancel)
                );
                refusedDuringMigration++;
            }
        );

        await newer.MigrateAsync(Cancel);

        Assert.Equal(1, refusedDuringMigration);
        await Assert.ThrowsAsync<StoreSchemaException>(() => SaveAsync(Some.Result(lease, chunk, Now)));
        await Assert.ThrowsAsync<StoreSchemaException>(() => Store.Chunks.ClaimPlannedAsync(job, 3, Hour, Cancel));
        await Assert.ThrowsAsync<StoreSchemaException>(() => Store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel));
        Assert.Equal(SaveOutcome.Saved, Assert.Single(await newer.Chunks.SaveAsync([Some.Result(lease, chunk, Now)], Cancel)).Outcome);
    }

    [Fact]
    public async Task A_probe_leaves_nothing_behind_and_refuses_a_partial_restore()
    {
        await Store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel);
        using var client = new MongoClient(MongoServer.Uri);
        var meta = client.GetDatabase(_name).GetCollection<BsonDocument>("meta");
        await Store.ProbeAsync(Cancel);
        Assert.Equal("store", Assert.Single(await meta.Find(new BsonDocument()).ToListAsync(Cancel))["_id"]);

        await meta.UpdateOneAsync(new BsonDocument(), new BsonDocument("$unset", new BsonDocument("version", 1)), null, Cancel);
        var unmarked = await Assert.ThrowsAsync<StoreSchemaException>(() => Store.ProbeAsync(Cancel));
        Assert.Contains("marker in meta has none", unmarked.Message);
        await meta.DeleteManyAsync(new BsonDocument(), Cancel);
        var torn = await Assert.ThrowsAsync<StoreSchemaException>(() => Store.ProbeAsync(Cancel));
        Assert.Contains("no schema version", torn.Message);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    public async Task A_database_from_before_the_first_release_is_refused_and_not_changed(int version)
    {
        using var client = new MongoClient(MongoServer.Uri);
        await client.DropDatabaseAsync(_name, Cancel);
        var database = client.GetDatabase(_name);
        var marker = new BsonDocument { { "_id", "schema" }, { "version", version } };
        await database.GetCollection<BsonDocument>("meta").InsertOneAsync(marker, null, Cancel);

        await using var store = await ReopenAsync(Clock);
        var refused = await Assert.ThrowsAsync<StoreSchemaException>(() => store.MigrateAsync(Cancel));

        Assert.Contains($"before the first release of agcam (old schema version {version})", refused.Message);
        Assert.Contains("Point Pipeline:Store at a new file or database", refused.Message);
        Assert.Equal(refused.Message, (await Assert.ThrowsAsync<StoreSchemaException>(() => store.SchemaVersionAsync(Cancel))).Message);
        Assert.Equal(["meta"], await (await database.ListCollectionNamesAsync(null, Cancel)).ToListAsync(Cancel));
        Assert.Equal([marker], await database.GetCollection<BsonDocument>("meta").Find(new BsonDocument()).ToListAsync(Cancel));
    }

    [Fact]
    public async Task A_migration_runs_once_and_keeps_the_records()
    {
        var job = (await PlannedJobAsync(1)).Id;
        var runs = 0;
        async Task PaintAsync(MongoDatabase database, CancellationToken cancellationToken)
        {
            runs++;
            await database.Jobs.UpdateManyAsync(
                new BsonDocument(),
                new BsonDocument("$set", new BsonDocument("spec.source", "folder:/green")),
                null,
                cancellationToken
            );
        }
        await using var newer = Newer(PaintAsync);
        Assert.Equal(1, await newer.SchemaVersionAsync(Cancel));

        await newer.MigrateAsync(Cancel);
        await newer.MigrateAsync(Cancel);

        Assert.Equal((1, 2), (runs, await newer.SchemaVersionAsync(Cancel)));
        Assert.Equal("folder:/green", (await newer.Jobs.FindAsync(job, Cancel))!.Spec.Source);
        await using var older = await ReopenAsync(Clock);
        var refused = await Assert.ThrowsAsync<StoreSchemaException>(() => older.MigrateAsync(Cancel));
        Assert.Contains("schema version 2; this program knows 1", refused.Message);
    }

    [Fact]
    public async Task An_interrupted_migration_runs_again()
    {
        await using (var interrupted = Newer((_, _) => throw new OperationCanceledException()))
            await Assert.ThrowsAsync<OperationCanceledException>(() => interrupted.MigrateAsync(Cancel));
        var runs = 0;
        await using var newer = Newer((_, _) => Task.FromResult(runs++));
        Assert.Equal(1, await newer.SchemaVersionAsync(Cancel)); // so a process that may not migrate refuses the database
        await using (var older = await ReopenAsync(Clock))
            await Assert.ThrowsAsync<StoreSchemaException>(() => older.MigrateAsync(Cancel));

        await newer.MigrateAsync(Cancel);

        Assert.Equal((1, 2), (runs, await newer.SchemaVersionAsync(Cancel)));
    }

    private MongoStore Newer(MongoMigration migration) =>
        new(new MongoOptions { Uri = MongoServer.Uri!, Database = _name }, Clock, [migration]);

    [Fact]
    public async Task References_of_done_chunks_are_deleted_several_at_a_time_and_at_the_end_of_the_job()
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
    public async Task A_repair_ends_the_counted_chunks_of_a_dead_process_without_counting_them_again()
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
    public async Task A_repair_counts_the_saved_chunks_of_a_dead_process_once()
    {
        var job = (await PlannedJobAsync(2, 2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        await SaveAsync(Some.Result(lease, chunk, Now));
        using var client = new MongoClient(MongoServer.Uri);
        var ledger = client.GetDatabase(_name).GetCollection<BsonDocument>("ledger");
        var counted = await ledger.UpdateOneAsync( // as if the process had died before it counted
            new BsonDocument(),
            new BsonDocument(
                "$set",
                new BsonDocument
                {
                    { "counted", new BsonArray() },
                    { "chunksDone", 0 },
                    { "completed", 0 },
                    { "failed", 0 },
                    { "correct", 0 },
                    { "labelled", 0 },
                }
            ),
            null,
            Cancel
        );
        Assert.Equal(1, counted.ModifiedCount);
        Assert.Equal(0, (await Store.Jobs.FindAsync(job, Cancel))!.Progress.ChunksDone);
        await using var other = await ReopenAsync(Clock);

        Assert.Equal(new RepairReport(1, 0, 0), await other.RepairAsync(Cancel));
        Assert.Equal(new RepairReport(0, 0, 0), await other.RepairAsync(Cancel));

        Assert.Equal(await Store.Items.RecountAsync(job, Cancel), (await Store.Jobs.FindAsync(job, Cancel))!.Progress);
    }

    [Fact]
    public async Task Chunks_of_a_job_that_another_process_cancelled_are_not_leased_after_a_quarter_second()
    {
        var job = (await PlannedJobAsync(1, 1, 1)).Id;
        var chunks = await Store.Chunks.ClaimPlannedAsync(job, 3, Minute, Cancel);
        Task<LeaseAnswer> LeaseAsync(int number) =>
            Store.Chunks.LeaseAsync(Some.Message(chunks[number]), "worker", Minute, cancellationToken: Cancel);
        Assert.Equal(LeaseOutcome.Granted, (await LeaseAsync(0)).Outcome);
        await using var other = await ReopenAsync(Clock);
        await other.Jobs.CancelAsync(job, cancellationToken: Cancel);
        await Task.Delay(300, Cancel);
        Assert.Equal(LeaseOutcome.Cancelled, (await LeaseAsync(1)).Outcome);

        await using var own = await ReopenAsync(Clock);
        Assert.Equal(
            LeaseOutcome.Cancelled,
            (await own.Chunks.LeaseAsync(Some.Message(chunks[2]), "worker", Minute, cancellationToken: Cancel)).Outcome
        );
    }

    private async Task<long> ReferencesAsync()
    {
        using var client = new MongoClient(MongoServer.Uri);
        return await client
            .GetDatabase(_name)
            .GetCollection<BsonDocument>("references")
            .CountDocumentsAsync(new BsonDocument(), null, Cancel);
    }
}
