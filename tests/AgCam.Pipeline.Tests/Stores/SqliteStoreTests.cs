using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public sealed class SqliteStoreTests : StoreContract
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "agcam-tests", Guid.NewGuid().ToString("N"));

    protected override Task<IStore> CreateAsync(TimeProvider clock) => ReopenAsync(clock);

    protected override Task<IStore> ReopenAsync(TimeProvider clock) => Task.FromResult<IStore>(
        new SqliteStore(new SqliteOptions { Path = Path.Combine(_folder, "agcam.db"), Durability = SqliteDurability.Process }, clock));

    protected override Task DropAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_store_of_version_1_goes_on_with_what_it_has()
    {
        var job = await JobOfAsync(2, (id, number) => Some.Item(id, number, Now, null) with { Stamp = "v1" });
        await ((SqliteStore)Store).Database.WriteAsync(
            session => session.Execute("DROP TABLE chunk_rows; DROP INDEX items_source; ALTER TABLE items DROP COLUMN source; ALTER TABLE chunks DROP COLUMN faults; PRAGMA user_version = 1"), Cancel);
        await using var older = await ReopenAsync(Clock);
        Assert.Equal(1, await older.SchemaVersionAsync(Cancel));

        await older.MigrateAsync(Cancel);

        Assert.Equal(StoreSchema.Version, await older.SchemaVersionAsync(Cancel));
        Assert.Equal("v1", (await older.Items.FindAsync(job.Id, 1, Cancel))!.Stamp);
        Assert.Equal(0, (await older.Chunks.FindAsync(job.Id, 0, Cancel))!.Faults);
        Assert.Empty(await older.Items.KnownAsync([new(AgCam.Pipeline.Messages.ReferenceKind.File, "/data/pets/1.jpg", "v1")], Cancel)); // read once more, then known
    }

    [Fact]
    public async Task A_store_of_version_2_takes_rows_once_it_is_migrated()
    {
        var job = (await PlannedJobAsync(1)).Id;
        await ((SqliteStore)Store).Database.WriteAsync(session => session.Execute("DROP TABLE chunk_rows; PRAGMA user_version = 2"), Cancel);
        await using var older = await ReopenAsync(Clock);
        Assert.Equal(2, await older.SchemaVersionAsync(Cancel));

        await older.MigrateAsync(Cancel);

        Assert.Equal(StoreSchema.Version, await older.SchemaVersionAsync(Cancel));
        var (chunk, lease) = await LeaseNextAsync(job);
        Assert.Equal(SaveOutcome.Saved, Assert.Single(await older.Chunks.SaveAsync([Measured(lease, chunk)], Cancel)).Outcome);
        Assert.Single(await older.Rows.PageAsync(job, 0, cancel: Cancel));
    }

    public static TheoryData<string> Lists => [.. ItemIndex.All.Select(index => index.Name)];

    /// <summary>No list reads the table, or sorts what it has read: then a deep page costs what the first one does, at any number of items.</summary>
    [Theory]
    [MemberData(nameof(Lists))]
    public async Task Every_list_is_read_from_its_index_in_its_order(string name)
    {
        var job = await JobOfAsync(3, (id, number) => Some.Item(id, number, Now, null, label: "cat"));
        var index = ItemIndex.All.Single(one => one.Name == name);
        ItemQuery Set(ItemFilters filter, Func<ItemQuery, ItemQuery> set, ItemQuery query) => index.Filters.HasFlag(filter) ? set(query) : query;
        var query = new ItemQuery { Sort = index.Sort };
        query = Set(ItemFilters.Job, one => one with { Job = job.Id }, query);
        query = Set(ItemFilters.Status, one => one with { Status = Pipeline.Records.ItemStatus.Completed }, query);
        query = Set(ItemFilters.Model, one => one with { Model = Some.Model.Id }, query);
        query = Set(ItemFilters.Predicted, one => one with { Predicted = "cat" }, query);
        query = Set(ItemFilters.Label, one => one with { Label = "cat" }, query);
        query = Set(ItemFilters.Correct, one => one with { Correct = true }, query);
        query = Set(ItemFilters.Explanation, one => one with { Explanation = Some.Explanation(0).Id }, query);

        foreach (var descending in new[] { false, true })
            foreach (var cursor in new ItemCursor?[] { null, new ItemCursor(0.5, job.Id, 0) })
            {
                var plan = await ((SqliteStore)Store).Database.ReadAsync(
                    session =>
                    {
                        var (sql, values) = SqliteItems.Statement(session, query with { Descending = descending }, index, cursor)!.Value;
                        return session.All("EXPLAIN QUERY PLAN " + sql, row => row.GetString(3), values);
                    },
                    Cancel);
                Assert.DoesNotContain(plan, step => step.Contains("TEMP B-TREE", StringComparison.Ordinal));
                var used = index == ItemIndex.Primary ? "SEARCH items USING INTEGER PRIMARY KEY" : $"INDEX items_{name["item_".Length..]}";
                Assert.Contains(used, plan[0]);
            }
    }
}
