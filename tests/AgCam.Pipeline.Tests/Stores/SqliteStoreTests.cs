using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using AgCam.Pipeline.Stores.Sqlite;
using Microsoft.Data.Sqlite;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public sealed class SqliteStoreTests : StoreContract
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "agcam-tests", Guid.NewGuid().ToString("N"));

    protected override Task<IStore> CreateAsync(TimeProvider clock) => ReopenAsync(clock);

    protected override Task<IStore> ReopenAsync(TimeProvider clock) =>
        Task.FromResult<IStore>(
            new SqliteStore(new SqliteOptions { Path = Path.Combine(_folder, "agcam.db"), Durability = SqliteDurability.Process }, clock)
        );

    protected override Task<long> CountUploadPiecesAsync() =>
        ((SqliteStore)Store).Database.ReadAsync(session => session.Number("SELECT count(*) FROM upload_pieces")!.Value, Cancel);

    private protected override async Task<IStore> CopyTornAsync(string[] early, Func<Task> meanwhile)
    {
        var (before, copy) = (Path.Combine(_folder, "before.db"), Path.Combine(_folder, "copy.db"));
        await SqliteBackup.WriteAsync(Path.Combine(_folder, "agcam.db"), before, Cancel);
        await meanwhile();
        await SqliteBackup.WriteAsync(Path.Combine(_folder, "agcam.db"), copy, Cancel);
        await using (var connection = new SqliteConnection($"Data Source={copy};Pooling=False"))
        {
            await connection.OpenAsync(Cancel);
            using var command = connection.CreateCommand();
            command.CommandText = $"ATTACH '{before}' AS before;";
            foreach (var table in early.Where(table => table is not "references"))
                command.CommandText += table switch
                {
                    "items" => "DELETE FROM items WHERE id NOT IN (SELECT id FROM before.items);", // triggers update the indexes
                    "explanations" => "DELETE FROM explanations WHERE row NOT IN (SELECT row FROM before.explanations);",
                    "owners" => "",
                    "rows" => "DELETE FROM chunk_rows; INSERT INTO chunk_rows SELECT * FROM before.chunk_rows;",
                    _ => $"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM before.{table};",
                };
            await command.ExecuteNonQueryAsync(Cancel);
        }
        return new SqliteStore(new SqliteOptions { Path = copy, Durability = SqliteDurability.Process }, Clock);
    }

    [Fact]
    public async Task A_backup_written_under_load_is_consistent()
    {
        using var pictures = new Pictures(0);
        var job = (await PlannedJobAsync([.. Enumerable.Repeat(2, 60)])).Id;
        var computed = Task.Run(() => ComputeAsync(Store, job, 60), Cancel);
        var backups = new List<string>();
        while (!computed.IsCompleted || backups.Count == 0)
        {
            backups.Add(Path.Combine(_folder, $"backup{backups.Count}.db"));
            await SqliteBackup.WriteAsync(Path.Combine(_folder, "agcam.db"), backups[^1], Cancel);
        }
        await computed;

        foreach (var path in backups)
        {
            await using var backup = new SqliteStore(new SqliteOptions { Path = path }, Clock);
            Assert.Empty((await CheckAsync(backup, pictures)).Lines);
        }
        var again = SqliteBackup.WriteAsync(Path.Combine(_folder, "agcam.db"), backups[0], Cancel);
        var refused = await Assert.ThrowsAsync<ArgumentException>(() => again);
        Assert.Contains("Name a new file", refused.Message);
    }

    [Fact]
    public async Task An_old_process_writes_nothing_after_a_migration()
    {
        var job = (await PlannedJobAsync(1, 1)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        var published = Assert.Single(await Store.Chunks.ClaimPlannedAsync(job, 2, Hour, Cancel));
        await using var newer = Newer("ALTER TABLE jobs ADD COLUMN colour TEXT");

        await newer.MigrateAsync(Cancel);

        var message = Some.Message(published);
        await Assert.ThrowsAsync<StoreSchemaException>(() => Store.Chunks.LeaseAsync(message, "old", Minute, cancellationToken: Cancel));
        await Assert.ThrowsAsync<StoreSchemaException>(() => SaveAsync(Some.Result(lease, chunk, Now)));
        await Assert.ThrowsAsync<StoreSchemaException>(() => Store.Jobs.PauseAsync(job, "reason", Cancel));
        Assert.Equal(SaveOutcome.Saved, Assert.Single(await newer.Chunks.SaveAsync([Some.Result(lease, chunk, Now)], Cancel)).Outcome);
    }

    protected override Task DropAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return Task.CompletedTask;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    public async Task A_file_from_before_the_first_release_is_refused_and_not_changed(int version)
    {
        var path = Path.Combine(_folder, "old.db");
        await using (var old = new SqliteDatabase(new SqliteOptions { Path = path }))
            await old.WriteAsync(s => s.Execute($"CREATE TABLE jobs AS SELECT 7 AS no; PRAGMA user_version = {version}"), Cancel);
        var before = await File.ReadAllBytesAsync(path, Cancel);

        await using (var store = new SqliteStore(new SqliteOptions { Path = path }, Clock))
        {
            var refused = await Assert.ThrowsAsync<StoreSchemaException>(() => store.MigrateAsync(Cancel));
            Assert.Contains($"before the first release of agcam (old schema version {version})", refused.Message);
            Assert.Contains("Point Pipeline:Store at a new file", refused.Message);
            Assert.Equal(refused.Message, (await Assert.ThrowsAsync<StoreSchemaException>(() => store.SchemaVersionAsync(Cancel))).Message);
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(path, Cancel));
    }

    [Fact]
    public async Task An_interrupted_deletion_leaves_chunks_that_cannot_be_leased_and_that_a_repair_removes()
    {
        var job = (await PlannedJobAsync(2, 1)).Id;
        var chunks = await Store.Chunks.ClaimPlannedAsync(job, 2, Hour, Cancel);
        var firstStep = $"INSERT INTO deleted (no, at) SELECT no, {Now.Ms()} FROM jobs; DELETE FROM jobs;";
        await ((SqliteStore)Store).Database.WriteAsync(session => session.Execute(firstStep), Cancel);

        Assert.Equal(
            LeaseOutcome.Gone,
            (await Store.Chunks.LeaseAsync(Some.Message(chunks[0]), "w", Minute, cancellationToken: Cancel)).Outcome
        );
        Assert.Equal(1, (await Store.RepairAsync(Cancel)).JobsDeleted);
        Assert.Null(await Store.Chunks.FindAsync(job, 0, Cancel));
        Assert.Null(await Store.Chunks.FindAsync(job, 1, Cancel));
    }

    [Fact]
    public async Task Space_that_a_deletion_frees_counts_as_free()
    {
        var job = (await JobOfAsync(500, (id, number) => Some.Item(id, number, Now, null))).Id;
        var full = await Store.SizeAsync(Cancel);

        await Store.Jobs.DeleteAsync(job, Cancel);

        var size = await Store.SizeAsync(Cancel);
        Assert.True(size.Bytes < full.Bytes, $"{size} after {full}");
    }

    [Fact]
    public async Task A_file_of_another_program_is_refused()
    {
        var path = Path.Combine(_folder, "other.db");
        await using (var other = new SqliteDatabase(new SqliteOptions { Path = path }))
            await other.WriteAsync(session => session.Execute("CREATE TABLE bookmarks (id INTEGER PRIMARY KEY)"), Cancel);
        await using var store = new SqliteStore(new SqliteOptions { Path = path }, Clock);
        Assert.Contains("another program", (await Assert.ThrowsAsync<StoreSchemaException>(() => store.MigrateAsync(Cancel))).Message);
    }

    [Fact]
    public async Task A_migration_runs_once_and_keeps_the_records()
    {
        var job = (await PlannedJobAsync(1)).Id;
        await using var newer = Newer("ALTER TABLE jobs ADD COLUMN colour TEXT NOT NULL DEFAULT 'green'");
        Assert.Equal(1, await newer.SchemaVersionAsync(Cancel));

        await newer.MigrateAsync(Cancel);
        await newer.MigrateAsync(Cancel); // a second run would fail, because the column exists

        Assert.Equal(2, await newer.SchemaVersionAsync(Cancel));
        var colour = await newer.Database.ReadAsync(session => session.First("SELECT colour FROM jobs", row => row.GetString(0)), Cancel);
        Assert.Equal("green", colour);
        Assert.Equal(job, (await newer.Jobs.FindAsync(job, Cancel))!.Id);
        await using var older = await ReopenAsync(Clock);
        var refused = await Assert.ThrowsAsync<StoreSchemaException>(() => older.MigrateAsync(Cancel));
        Assert.Contains("schema version 2; this program knows 1", refused.Message);
    }

    [Fact]
    public async Task A_migration_that_fails_changes_nothing()
    {
        await using var newer = Newer("ALTER TABLE jobs ADD COLUMN colour TEXT", "ALTER TABLE nothing ADD COLUMN colour TEXT");

        await Assert.ThrowsAnyAsync<Exception>(() => newer.MigrateAsync(Cancel));

        Assert.Equal(1, await Store.SchemaVersionAsync(Cancel));
        const string Painted = "SELECT COUNT(*) FROM pragma_table_info('jobs') WHERE name = 'colour'";
        Assert.Equal(0L, await newer.Database.ReadAsync(session => session.Number(Painted), Cancel));
    }

    [Fact]
    public void Every_version_after_the_first_has_its_migration() =>
        Assert.Equal((StoreSchema.Version, StoreSchema.Version), (1 + SqliteSchema.Migrations.Count, 1 + MongoSchema.Migrations.Count));

    private SqliteStore Newer(params string[] migrations) =>
        new(new SqliteOptions { Path = Path.Combine(_folder, "agcam.db"), Durability = SqliteDurability.Process }, Clock, migrations);

    /// <summary>
    /// Whatever was saved, saved twice, moved on and deleted in between: each index holds the rows of its table, in one of its levels,
    /// and no others.
    /// </summary>
    [Fact]
    public async Task Rows_move_from_small_index_tables_to_large_ones_and_no_list_changes()
    {
        await using var store = new SqliteStore(
            new SqliteOptions
            {
                Path = Path.Combine(_folder, "folded.db"),
                Durability = SqliteDurability.Process,
                RecentRows = 100,
            },
            Clock
        );
        await using var unfolded = new SqliteStore(
            new SqliteOptions
            {
                Path = Path.Combine(_folder, "unfolded.db"),
                Durability = SqliteDurability.Process,
                RecentRows = int.MaxValue,
            },
            Clock
        );
        var jobs = new List<Guid>();
        foreach (var item in new[] { store, unfolded })
        {
            await item.MigrateAsync(Cancel);
            jobs.Add(await SyntheticJob.FillAsync(item, new SyntheticImages(7), 20_000, cancellationToken: Cancel));
        }

        var moved = await store.Database.ReadAsync(
            session =>
                SqliteIndex
                    .OfItems.Where(index => index.Name != "source")
                    .Select(index => session.Number($"SELECT COUNT(*) FROM {index.Keys}"))
                    .ToList(),
            Cancel
        );
        Assert.All(moved, rows => Assert.True(rows > 1000, $"{rows} rows were moved"));
        await IndexesHoldTheTableAsync(store);
        Assert.Equal(
            (await ListsAsync(unfolded, jobs[1])).Select(list => list.Replace(jobs[1].ToString(), jobs[0].ToString())),
            await ListsAsync(store, jobs[0])
        );

        await store.Jobs.DeleteAsync(jobs[0], Cancel);
        await IndexesHoldTheTableAsync(store);
    }

    /// <summary>Every list of a job, page by page, by what its items are; not by time, which is when they were made.</summary>
    private async Task<List<string>> ListsAsync(IStore store, Guid job)
    {
        var some = (await store.Items.PageAsync(new ItemQuery { Job = job, Limit = ItemQuery.MaxLimit }, Cancel)).Items.First(item =>
            item.Label is not null && item.Probability is not null
        );
        var lists = new List<string>();
        foreach (var index in ItemIndex.All.Where(index => index.Sort != ItemSort.Time))
        foreach (var descending in new[] { false, true })
        {
            var query = new ItemQuery
            {
                Sort = index.Sort,
                Descending = descending,
                Limit = 499,
            };
            query = index.Filters.HasFlag(ItemFilters.Job) ? query with { Job = job } : query;
            query = index.Filters.HasFlag(ItemFilters.Status) ? query with { Status = some.Status } : query;
            query = index.Filters.HasFlag(ItemFilters.Model) ? query with { Model = some.Model } : query;
            query = index.Filters.HasFlag(ItemFilters.Predicted) ? query with { Predicted = some.Predicted } : query;
            query = index.Filters.HasFlag(ItemFilters.Label) ? query with { Label = some.Label } : query;
            query = index.Filters.HasFlag(ItemFilters.LabelClass) ? query with { LabelClass = some.LabelClass } : query;
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
        foreach (
            var (index, table, row) in SqliteIndex
                .OfItems.Select(index => (index, "items", "id"))
                .Append((SqliteIndex.OfExplanations, "explanations", "row"))
        )
        {
            var columns = index.Key[..^", row".Length];
            var all = $"SELECT {index.Key} FROM {index.Keys} UNION ALL SELECT {index.Key} FROM {index.Recent}";
            var rows =
                $"SELECT {columns}, {row} FROM {table} WHERE "
                + $"{string.Join(" AND ", columns.Split(", ").Select(column => $"{column} IS NOT NULL"))}";
            var (wrong, held, there) = await store.Database.ReadAsync(
                session =>
                    (
                        session.Number($"SELECT COUNT(*) FROM (SELECT * FROM ({all}) EXCEPT SELECT * FROM ({rows}))"),
                        session.Number($"SELECT COUNT(*) FROM ({all})"),
                        session.Number($"SELECT COUNT(*) FROM ({rows})")
                    ),
                Cancel
            );
            Assert.Equal((index.Name, 0L, there), (index.Name, wrong, held));
        }
    }

    public static TheoryData<string> Lists => [.. ItemIndex.All.Select(index => index.Name)];

    /// <summary>
    /// No list reads the table, or sorts what it has read: then a deep page costs what the first one does, at any number of items.
    /// </summary>
    [Theory]
    [MemberData(nameof(Lists))]
    public async Task Every_list_is_read_from_its_index_in_its_order(string name)
    {
        var job = await JobOfAsync(3, (id, number) => Some.Item(id, number, Now, null, label: "cat"));
        var index = ItemIndex.All.Single(item => item.Name == name);
        ItemQuery Set(ItemFilters filter, Func<ItemQuery, ItemQuery> set, ItemQuery query) =>
            index.Filters.HasFlag(filter) ? set(query) : query;
        var query = new ItemQuery { Sort = index.Sort };
        query = Set(ItemFilters.Job, item => item with { Job = job.Id }, query);
        query = Set(ItemFilters.Status, item => item with { Status = Pipeline.Records.ItemStatus.Completed }, query);
        query = Set(ItemFilters.Model, item => item with { Model = Some.Model.Id }, query);
        query = Set(ItemFilters.Predicted, item => item with { Predicted = "cat" }, query);
        query = Set(ItemFilters.Label, item => item with { Label = "cat" }, query);
        query = Set(ItemFilters.LabelClass, item => item with { LabelClass = "cat" }, query);
        query = Set(ItemFilters.Correct, item => item with { Correct = true }, query);
        query = Set(ItemFilters.Explanation, item => item with { Explanation = Some.Explanation(0).Id }, query);

        foreach (var descending in new[] { false, true })
        foreach (var cursor in new ItemCursor?[] { null, new ItemCursor(0.5, job.Id, 0) })
        {
            var plan = await ((SqliteStore)Store).Database.ReadAsync(
                session =>
                {
                    var (sql, values) = SqliteItems.Statement(session, query with { Descending = descending }, index, cursor)!.Value;
                    return session.All("EXPLAIN QUERY PLAN " + sql, row => row.GetString(3), values);
                },
                Cancel
            );
            Assert.DoesNotContain(plan, step => step.Contains("TEMP B-TREE", StringComparison.Ordinal));
            string[] used =
                index == ItemIndex.Primary ? ["SEARCH items USING INTEGER PRIMARY KEY"]
                : name is "item_status" or "item_time" ? [$"INDEX {name.Replace("item_", "items_")}"]
                :
                [
                    "MERGE (UNION ALL)",
                    $"SEARCH {name.Replace("item_", "items_")}_keys USING PRIMARY KEY",
                    $"SEARCH {name.Replace("item_", "items_")}_recent USING PRIMARY KEY",
                ];
            Assert.All(used, item => Assert.Contains(plan, step => step.Contains(item, StringComparison.Ordinal)));
            Assert.DoesNotContain(plan, step => step == "SCAN items");
        }
    }
}
