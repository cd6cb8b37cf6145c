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

    private const string Version5FromNow = "ALTER TABLE jobs DROP COLUMN judged; ALTER TABLE jobs DROP COLUMN teller; ALTER TABLE jobs DROP COLUMN teller_until; ALTER TABLE jobs DROP COLUMN announced; "
        + "ALTER TABLE jobs DROP COLUMN life; ALTER TABLE chunks DROP COLUMN life;";

    [Fact]
    public async Task A_store_of_version_5_judges_and_tells_its_jobs_once_it_is_migrated()
    {
        var job = (await PlannedJobAsync(1)).Id;
        await ((SqliteStore)Store).Database.WriteAsync(session => session.Execute(Version5FromNow + "PRAGMA user_version = 5"), Cancel);
        await using var older = await ReopenAsync(Clock);
        Assert.Equal(5, await older.SchemaVersionAsync(Cancel));

        await older.MigrateAsync(Cancel);

        Assert.Equal(StoreSchema.Version, await older.SchemaVersionAsync(Cancel));
        Assert.Equal(Judgement.Now, await older.Jobs.JudgeAsync(job, null, Cancel));
        Assert.Equal(Judgement.Before, await older.Jobs.JudgeAsync(job, "later", Cancel));
        var (chunk, lease) = await LeaseNextAsync(job);
        await older.Chunks.SaveAsync([Measured(lease, chunk)], Cancel);
        Assert.True(await older.Jobs.HoldTellingAsync(job, "one", TimeSpan.FromMinutes(1), Cancel));
        Assert.False(await older.Jobs.HoldTellingAsync(job, "another", TimeSpan.FromMinutes(1), Cancel));
        await older.Jobs.MarkAnnouncedAsync(job, Cancel);
        Assert.True((await older.Jobs.FindAsync(job, Cancel))!.Announced);
    }

    [Fact]
    public async Task A_store_of_version_1_goes_on_with_what_it_has()
    {
        var job = await JobOfAsync(2, (id, number) => Some.Item(id, number, Now, null) with { Stamp = "v1" });
        await ((SqliteStore)Store).Database.WriteAsync(
            session => session.Execute(
                Version5FromNow + SqliteVersion4.FromNow + "DROP TABLE chunk_rows; DROP INDEX items_source; ALTER TABLE items DROP COLUMN source; ALTER TABLE chunks DROP COLUMN faults; PRAGMA user_version = 1"), Cancel);
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
        await ((SqliteStore)Store).Database.WriteAsync(session => session.Execute(Version5FromNow + SqliteVersion4.FromNow + "DROP TABLE chunk_rows; PRAGMA user_version = 2"), Cancel);
        await using var older = await ReopenAsync(Clock);
        Assert.Equal(2, await older.SchemaVersionAsync(Cancel));

        await older.MigrateAsync(Cancel);

        Assert.Equal(StoreSchema.Version, await older.SchemaVersionAsync(Cancel));
        var (chunk, lease) = await LeaseNextAsync(job);
        Assert.Equal(SaveOutcome.Saved, Assert.Single(await older.Chunks.SaveAsync([Measured(lease, chunk)], Cancel)).Outcome);
        Assert.Single(await older.Rows.PageAsync(job, 0, cancel: Cancel));
    }

    [Fact]
    public async Task A_store_of_version_4_answers_every_list_once_it_is_migrated()
    {
        var job = await JobOfAsync(20, (id, number) => Some.Item(id, number, Now, Some.Explanation(number).Id, label: "cat"));
        var before = await ListsAsync(Store, job.Id);
        await ((SqliteStore)Store).Database.WriteAsync(session => session.Execute(Version5FromNow + SqliteVersion4.FromNow + "PRAGMA user_version = 4"), Cancel);
        await using var older = (SqliteStore)await ReopenAsync(Clock);
        Assert.Equal(4, await older.SchemaVersionAsync(Cancel));

        await older.MigrateAsync(Cancel);

        Assert.Equal(StoreSchema.Version, await older.SchemaVersionAsync(Cancel));
        Assert.Equal(before, await ListsAsync(older, job.Id));
        await IndexesHoldTheTableAsync(older);
        Assert.NotNull(await older.Explanations.FindAsync(Some.Explanation(3).Id, Cancel));
        await older.Jobs.DeleteAsync(job.Id, Cancel);
        await IndexesHoldTheTableAsync(older);
    }

    /// <summary>Whatever was saved, saved twice, moved on and deleted in between: each index holds the rows of its table, in one of its levels, and no others.</summary>
    [Fact]
    public async Task Rows_move_from_the_small_levels_to_the_large_ones_and_no_list_notices()
    {
        await using var store = new SqliteStore(new SqliteOptions { Path = Path.Combine(_folder, "folded.db"), Durability = SqliteDurability.Process, RecentRows = 100 }, Clock);
        await using var unfolded = new SqliteStore(new SqliteOptions { Path = Path.Combine(_folder, "unfolded.db"), Durability = SqliteDurability.Process, RecentRows = int.MaxValue }, Clock);
        var jobs = new List<Guid>();
        foreach (var one in new[] { store, unfolded })
        {
            await one.MigrateAsync(Cancel);
            jobs.Add(await AgCam.Pipeline.Stores.Measuring.SyntheticJob.FillAsync(one, new AgCam.Pipeline.Stores.Measuring.SyntheticImages(7), 20_000, cancel: Cancel));
        }

        var moved = await store.Database.ReadAsync(
            session => SqliteDocuments.Stored.OfItems.Where(index => index.Name != "source").Select(index => session.Number($"SELECT COUNT(*) FROM {index.Keys}")).ToList(), Cancel);
        Assert.All(moved, rows => Assert.True(rows > 1000, $"{rows} rows were moved"));
        await IndexesHoldTheTableAsync(store);
        Assert.Equal((await ListsAsync(unfolded, jobs[1])).Select(list => list.Replace(jobs[1].ToString(), jobs[0].ToString())), await ListsAsync(store, jobs[0]));

        await store.Jobs.DeleteAsync(jobs[0], Cancel);
        await IndexesHoldTheTableAsync(store);
    }

    /// <summary>Every list of a job, page by page, by what its items are; not by time, which is when they were made.</summary>
    private async Task<List<string>> ListsAsync(IStore store, Guid job)
    {
        var some = (await store.Items.PageAsync(new ItemQuery { Job = job, Limit = ItemQuery.MaxLimit }, Cancel)).Items.First(item => item.Label is not null && item.Probability is not null);
        var lists = new List<string>();
        foreach (var index in ItemIndex.All.Where(index => index.Sort != ItemSort.Time))
            foreach (var descending in new[] { false, true })
            {
                var query = new ItemQuery { Sort = index.Sort, Descending = descending, Limit = 499 };
                query = index.Filters.HasFlag(ItemFilters.Job) ? query with { Job = job } : query;
                query = index.Filters.HasFlag(ItemFilters.Status) ? query with { Status = some.Status } : query;
                query = index.Filters.HasFlag(ItemFilters.Model) ? query with { Model = some.Model } : query;
                query = index.Filters.HasFlag(ItemFilters.Predicted) ? query with { Predicted = some.Predicted } : query;
                query = index.Filters.HasFlag(ItemFilters.Label) ? query with { Label = some.Label } : query;
                query = index.Filters.HasFlag(ItemFilters.Correct) ? query with { Correct = some.Correct } : query;
                query = index.Filters.HasFlag(ItemFilters.Explanation) ? query with { Explanation = some.Explanation } : query;
                var numbers = new List<int>();
                await foreach (var item in store.Items.AllAsync(query, Cancel))
                    numbers.Add(item.Number);
                Assert.NotEmpty(numbers);
                lists.Add($"{query}: {string.Join(' ', numbers)}");
            }
        return lists;
    }

    private static async Task IndexesHoldTheTableAsync(SqliteStore store)
    {
        foreach (var (index, table, row) in SqliteDocuments.Stored.OfItems.Select(index => (index, "items", "id")).Append((SqliteDocuments.Stored.OfExplanations, "explanations", "row")))
        {
            var columns = index.Key[..^", row".Length];
            var all = $"SELECT {index.Key} FROM {index.Keys} UNION ALL SELECT {index.Key} FROM {index.Recent}";
            var rows = $"SELECT {columns}, {row} FROM {table} WHERE {string.Join(" AND ", columns.Split(", ").Select(column => $"{column} IS NOT NULL"))}";
            var (wrong, held, there) = await store.Database.ReadAsync(
                session => (
                    session.Number($"SELECT COUNT(*) FROM (SELECT * FROM ({all}) EXCEPT SELECT * FROM ({rows}))"),
                    session.Number($"SELECT COUNT(*) FROM ({all})"),
                    session.Number($"SELECT COUNT(*) FROM ({rows})")), Cancel);
            Assert.Equal((index.Name, 0L, there), (index.Name, wrong, held));
        }
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
                string[] used = index == ItemIndex.Primary ? ["SEARCH items USING INTEGER PRIMARY KEY"]
                    : name is "item_status" or "item_time" ? [$"INDEX {name.Replace("item_", "items_")}"]
                    : ["MERGE (UNION ALL)", $"SEARCH {name.Replace("item_", "items_")}_keys USING PRIMARY KEY", $"SEARCH {name.Replace("item_", "items_")}_recent USING PRIMARY KEY"];
                Assert.All(used, one => Assert.Contains(plan, step => step.Contains(one, StringComparison.Ordinal)));
                Assert.DoesNotContain(plan, step => step == "SCAN items");
            }
    }
}
