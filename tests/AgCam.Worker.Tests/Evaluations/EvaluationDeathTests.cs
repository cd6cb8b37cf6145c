using System.Text;
using System.Text.Json;
using AgCam.Evaluation;
using AgCam.Pipeline;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;
using AgCam.TestHost;
using AgCam.Worker.Tests.Running;
using Xunit;

namespace AgCam.Worker.Tests.Evaluations;

/// <summary>Kills real processes with the shipped model and compares their rows with those of an undisturbed run.</summary>
public sealed class EvaluationDeathTests(EvaluationDeathTests.Dataset dataset) : IClassFixture<EvaluationDeathTests.Dataset>
{
    private const int Images = 24; // all shipped pictures

    private static readonly string Shipped = Path.Combine(Path.GetDirectoryName(Hosts.Program)!, "shipped");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Shipped pictures in a folder of their own, and the rows of an undisturbed run, which is made once.</summary>
    public sealed class Dataset : IDisposable
    {
        public Dataset()
        {
            Directory.CreateDirectory(Path);
            var lines = File.ReadLines(System.IO.Path.Combine(Shipped, "pictures", "metadata.jsonl")).Take(Images).ToList();
            foreach (var name in lines.Select(Name))
            {
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.Combine(Path, name))!);
                File.Copy(System.IO.Path.Combine(Shipped, "pictures", name), System.IO.Path.Combine(Path, name));
            }
            File.WriteAllLines(System.IO.Path.Combine(Path, "metadata.jsonl"), lines);
        }

        public string Folder { get; } = Directory.CreateTempSubdirectory("agcam-tests").FullName;

        public string Path => System.IO.Path.Combine(Folder, "val");

        public List<string>? UndisturbedRows { get; set; }

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }

    [Fact]
    public async Task One_process_with_SQLite_gives_the_same_rows_after_any_kill()
    {
        var undisturbed = await UndisturbedAsync();
        var disturbed = await ServeAsync("kills.db", "planning:1", "before-compute:2", "mid-write:1", "after-write:1", "after-compute:1");

        Assert.Equal(Images, undisturbed.Count);
        Assert.All(undisturbed, row => Assert.DoesNotContain("\"skipped\"", row, StringComparison.Ordinal));
        Assert.Equal(undisturbed, disturbed);
    }

    [Trait("RabbitMQ", "whole")]
    [Theory(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Workers_that_replace_dead_ones_give_the_rows_of_one_process(bool mongo)
    {
        Assert.SkipWhen(mongo && MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        var expected = await UndisturbedAsync();
        await using var broker = await Broker.OpenAsync();
        var options = new PipelineOptions
        {
            Store = mongo ? MongoServer.Uri! : Path.Combine(dataset.Folder, "broker.db"),
            Database = MongoServer.NewName(),
        };
        string[] common =
        [
            $"store={options.Store}",
            $"database={options.Database}",
            $"bus={broker.Uri}",
            $"prefix={broker.Prefix}",
            $"root={dataset.Folder}",
            "engine=model",
            "lease=4",
            "visibility=5",
            "drain=0",
        ];
        await using var store = PipelineRegistration.OpenStore(options);
        try
        {
            await store.MigrateAsync(Cancel);
            var job = await CreateAsync(store);
            await using var api = await Hosts.Start([.. common, "role=api"]).ReadyAsync(180);
            foreach (var kill in new[] { "before-compute:2", "after-write:1" })
            {
                await using var mortal = Hosts.Start([.. common, "role=worker", $"kill={kill}"]);
                Assert.True(await mortal.DiesAsync(180), $"{kill}: {mortal.Said}\n{api.Said}");
            }
            await using var first = await Hosts.Start([.. common, "role=worker"]).ReadyAsync(180);
            await using var second = await Hosts.Start([.. common, "role=worker"]).ReadyAsync(180);
            Assert.Equal(expected, await RowsAsync(store, job, api, first, second));
        }
        finally
        {
            if (mongo)
                await MongoServer.DropAsync(options.Database);
        }
    }

    [Fact]
    public async Task Image_that_kills_its_worker_is_poison_and_the_rest_of_its_batch_is_measured()
    {
        var poison = Name(File.ReadLines(Path.Combine(dataset.Path, "metadata.jsonl")).ElementAt(5));
        await using var store = await OpenAsync("poison.db");
        var job = await CreateAsync(store);
        var deaths = 0;
        for (var start = 0; start < 8 && (await store.Jobs.FindAsync(job, Cancel))!.State != JobState.Completed; start++)
        {
            await using var process = Hosts.Start([.. Serve("poison.db"), $"poison-image={poison}"]);
            await Eventually.TrueAsync(
                async () => process.HasExited || (await store.Jobs.FindAsync(job, Cancel))!.State == JobState.Completed,
                seconds: 180
            );
            deaths += process.HasExited ? 1 : 0;
        }

        Assert.Equal(4, deaths); // once among other chunks, twice with its batch, once isolated
        var rows = (await RowsAsync(store, job)).Select(row => JsonSerializer.Deserialize<JsonElement>(row).GetProperty("row")).ToList();
        var skipped = Assert.Single(rows, row => row.TryGetProperty("skipped", out _));
        Assert.Equal((poison, ItemFailure.Poison), (skipped.GetProperty("image").GetString(), skipped.GetProperty("skipped").GetString()));
        Assert.Equal(Images, rows.Count);
        Assert.Equal(ItemFailure.Poison, (await store.Items.FindAsync(job, 5, Cancel))!.Reason);
    }

    private static string Name(string line) => JsonSerializer.Deserialize<JsonElement>(line).GetProperty("file_name").GetString()!;

    private string[] Serve(string database) =>
        ["role=serve", $"store={Path.Combine(dataset.Folder, database)}", $"root={dataset.Folder}", "engine=model", "lease=5"];

    private async Task<SqliteStore> OpenAsync(string database)
    {
        var store = new SqliteStore(new SqliteOptions { Path = Path.Combine(dataset.Folder, database) });
        await store.MigrateAsync(Cancel);
        return store;
    }

    private async Task<Guid> CreateAsync(IStore store)
    {
        var model = await new ModelCatalog(new Dictionary<string, string> { ["scenes"] = Path.Combine(Shipped, "model") }).PinAsync(
            "scenes",
            Cancel
        );
        var spec = Some.Evaluation(dataset.Path) with { Model = model };
        return (
            await store.Jobs.CreateAsync(
                spec with
                {
                    Evaluation = spec.Evaluation! with { Batch = 2, Metrics = [MetricFamily.Localization, MetricFamily.Perturbation] },
                },
                cancellationToken: Cancel
            )
        )
            .Job
            .Id;
    }

    private async Task<List<string>> UndisturbedAsync() => dataset.UndisturbedRows ??= await ServeAsync("quiet.db");

    /// <summary>Runs a job in one process that is killed and restarted, and returns the rows.</summary>
    private async Task<List<string>> ServeAsync(string database, params string[] kills)
    {
        await using var store = await OpenAsync(database);
        var job = await CreateAsync(store);
        foreach (var kill in kills)
        {
            await using var mortal = Hosts.Start([.. Serve(database), $"kill={kill}"]);
            Assert.True(await mortal.DiesAsync(180), $"{kill}: {mortal.Said}");
        }
        await using var last = Hosts.Start(Serve(database));
        return await RowsAsync(store, job, last);
    }

    /// <summary>Waits for the job to complete and returns its rows.</summary>
    private static async Task<List<string>> RowsAsync(IStore store, Guid id, params HostProcess[] processes)
    {
        Job? ended = null;
        await Eventually.TrueAsync(
            async () => (ended = (await store.Jobs.FindAsync(id, Cancel))!).State != JobState.Running,
            () => Task.FromResult($"{ended!.Progress}\n{string.Join("\n----\n", processes.Select(process => process.Said))}"),
            seconds: 300
        );
        Assert.True(ended!.State == JobState.Completed, $"{ended.State}: {ended.Reason}");
        Assert.Equal(ended.Progress, await store.Items.RecountAsync(id, Cancel));
        var chunks = await store.Rows.PageAsync(id, 0, 1000, Cancel);
        Assert.Equal(ended.Chunks, chunks.Count);
        Assert.Single(chunks.Select(chunk => chunk.Header).Distinct());
        using var text = new MemoryStream();
        foreach (var chunk in chunks)
            chunk.WriteTo(text);
        return [.. Encoding.UTF8.GetString(text.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}
