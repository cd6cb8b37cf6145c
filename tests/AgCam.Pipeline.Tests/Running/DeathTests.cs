using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;
using AgCam.Pipeline.Tests.Stores;
using AgCam.TestHost;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Pipeline.Tests.Running;

/// <summary>Real processes, killed with SIGKILL at named points. Whatever happens, every image ends in one record.</summary>
public sealed class DeathTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static JobSpec Spec(Pictures pictures) => new() { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin };

    [Fact]
    public async Task One_process_with_a_file_goes_on_after_any_kill()
    {
        using var pictures = new Pictures(1500, broken: 5);
        string[] serve = ["role=serve", $"store={pictures.Database}", $"root={pictures.Folder}", "lease=5"];
        await using var store = new SqliteStore(new SqliteOptions { Path = pictures.Database });
        await store.MigrateAsync(Cancel);
        var job = (await store.Jobs.CreateAsync(Spec(pictures), "the job", Cancel)).Job;

        foreach (var kill in new[] { "planning:1", "before-compute:3", "after-compute:5", "mid-write:2", "after-write:2" })
        {
            await using var mortal = Hosts.Start([.. serve, $"kill={kill}"]);
            Assert.True(await mortal.DiesAsync(180), $"{kill}: {mortal.Said}");
            Assert.Equal(JobCreated.Existing, (await store.Jobs.CreateAsync(Spec(pictures), "the job", Cancel)).Outcome);
        }
        await using var last = await Hosts.Start(serve).ReadyAsync(180);
        await CompletesAsync(store, job.Id, 1495, 5, last);
    }

    /// <summary>Whatever it was at: starting, planning, publishing again what the process before held, computing, writing, alone or in company.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task One_process_with_a_file_goes_on_after_kills_at_random_moments(int seed)
    {
        using var pictures = new Pictures(1000, broken: 5);
        string[] serve = ["role=serve", $"store={pictures.Database}", $"root={pictures.Folder}", "lease=5", "slow=5"];
        await using var store = new SqliteStore(new SqliteOptions { Path = pictures.Database });
        await store.MigrateAsync(Cancel);
        var job = (await store.Jobs.CreateAsync(Spec(pictures), "the job", Cancel)).Job;

        var random = new Random(seed);
        for (var kill = 0; kill < 8; kill++)
        {
            await using var process = Hosts.Start(serve);
            if (kill % 2 == 1)
                await process.ReadyAsync(180); // else it may be at its start
            Assert.False(await process.DiesAsync(0), process.Said);
            await Task.Delay(random.Next(0, 1500), Cancel);
            Assert.False(process.HasExited, process.Said);
            process.Kill();
        }
        await using var last = await Hosts.Start(serve).ReadyAsync(180);
        await CompletesAsync(store, job.Id, 995, 5, last);
    }

    [Trait("RabbitMQ", "wire")]
    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task A_worker_whose_device_is_lost_ends_with_its_code_and_another_does_its_work()
    {
        using var pictures = new Pictures(300);
        await using var broker = await Broker.OpenAsync();
        string[] common = [$"store={pictures.Database}", $"bus={broker.Uri}", $"prefix={broker.Prefix}", $"root={pictures.Folder}", "lease=4", "trust=5"];
        await using var api = await Processes.StartAsync(broker.Over(Processes.Options(pictures)) with { TrustSeconds = 5 });
        var job = await api.SubmitAsync(Spec(pictures));
        await using (var losing = Hosts.Start([.. common, "role=worker", "kill=lost-device:2"]))
        {
            Assert.True(await losing.DiesAsync(120), losing.Said);
            Assert.Equal(AgCam.Worker.LostDevice.ExitCode, losing.ExitCode);
            Assert.Contains("CUDA error", losing.Said);
        }
        await using var other = await Hosts.Start([.. common, "role=worker"]).ReadyAsync(180);
        await CompletesAsync(api.Store, job.Id, 300, 0, other);
    }

    [Trait("RabbitMQ", "whole")]
    [Theory(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Workers_and_planners_may_die_at_any_point(bool mongo)
    {
        Assert.SkipWhen(mongo && MongoStoreTests.Uri is null, $"{MongoStoreTests.Variable} is not set: no MongoDB to test against.");
        using var pictures = new Pictures(1500, broken: 5);
        await using var broker = await Broker.OpenAsync();
        var database = MongoStoreTests.NewName();
        var options = broker.Over(Processes.Options(pictures)) with { Store = mongo ? MongoStoreTests.Uri! : pictures.Database, Database = database };
        string[] common = [$"store={options.Store}", $"database={database}", $"bus={broker.Uri}", $"prefix={broker.Prefix}", $"root={pictures.Folder}", "lease=4", "trust=5", "drain=0"];
        await using var store = PipelineRegistration.OpenStore(options);
        try
        {
            await store.MigrateAsync(Cancel);
            var job = (await store.Jobs.CreateAsync(Spec(pictures), cancel: Cancel)).Job;

            await using (var planner = Hosts.Start([.. common, "role=api", "kill=planning:2"]))
                Assert.True(await planner.DiesAsync(180), planner.Said);
            await using var api = await Hosts.Start([.. common, "role=api"]).ReadyAsync(180);
            foreach (var kill in new[] { "before-compute:2", "after-compute:3", "mid-write:1", "after-write:1" })
            {
                await using var mortal = Hosts.Start([.. common, "role=worker", $"kill={kill}"]);
                Assert.True(await mortal.DiesAsync(180), $"{kill}: {mortal.Said}\n{api.Said}");
            }
            await using (var draining = await Hosts.Start([.. common, "role=worker", "kill=draining:1", "slow=50"]).ReadyAsync(180))
            {
                await draining.SaysAsync("has a chunk", 60);
                draining.AskToStop();
                Assert.True(await draining.DiesAsync(180), draining.Said);
            }
            await using var one = await Hosts.Start([.. common, "role=worker"]).ReadyAsync(180);
            await using var two = await Hosts.Start([.. common, "role=worker"]).ReadyAsync(180);
            await CompletesAsync(store, job.Id, 1495, 5, api, one, two);
        }
        finally
        {
            if (mongo)
                await MongoStoreTests.DropAsync(database);
        }
    }

    [Fact]
    public async Task An_image_that_brings_its_worker_down_ends_as_poison_and_nothing_else_does()
    {
        using var pictures = new Pictures(200);
        var poison = AgCam.Digest.Of(await File.ReadAllBytesAsync(pictures.PathOf(77), Cancel));
        string[] serve = ["role=serve", $"store={pictures.Database}", $"root={pictures.Folder}", "lease=5", $"poison={poison}"];
        await using var store = new SqliteStore(new SqliteOptions { Path = pictures.Database });
        await store.MigrateAsync(Cancel);
        var job = (await store.Jobs.CreateAsync(Spec(pictures), cancel: Cancel)).Job;

        var deaths = 0;
        for (var start = 0; start < 6 && (await store.Jobs.FindAsync(job.Id, Cancel))!.State != JobState.Completed; start++)
        {
            await using var process = Hosts.Start(serve);
            await Eventually.TrueAsync(async () => process.HasExited || (await store.Jobs.FindAsync(job.Id, Cancel))!.State == JobState.Completed, 60);
            if (!process.HasExited)
                continue;
            Assert.Equal(HostProcess.Segfaulted, process.ExitCode);
            deaths++;
        }
        Assert.Equal(3, deaths); // once in company, twice alone
        var ended = (await store.Jobs.FindAsync(job.Id, Cancel))!;
        Assert.Equal((JobState.Completed, 199, 1), (ended.State, ended.Progress.Completed, ended.Progress.Failed));
        Assert.Equal(ItemFailure.Poison, (await store.Items.FindAsync(job.Id, 77, Cancel))!.Reason);
    }

    /// <summary>Two workers that somebody starts again whenever they die, as an orchestrator does.</summary>
    [Trait("RabbitMQ", "wire")]
    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task An_image_that_segfaults_workers_on_a_broker_ends_as_poison_within_a_handful_of_restarts_and_nothing_else_does()
    {
        Assert.SkipWhen(MongoStoreTests.Uri is null, $"{MongoStoreTests.Variable} is not set: no MongoDB to test against.");
        using var pictures = new Pictures(1000);
        var poison = AgCam.Digest.Of(await File.ReadAllBytesAsync(pictures.PathOf(477), Cancel));
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures)) with { Store = MongoStoreTests.Uri!, Database = MongoStoreTests.NewName(), TrustSeconds = 5 };
        string[] worker =
        [
            $"store={options.Store}", $"database={options.Database}", $"bus={broker.Uri}", $"prefix={broker.Prefix}", $"root={pictures.Folder}", "lease=4", "trust=5", "role=worker", $"poison={poison}",
        ];
        try
        {
            await using var api = await Processes.StartAsync(options);
            var job = await api.SubmitAsync(Spec(pictures));
            var (workers, deaths) = (new[] { Hosts.Start(worker), Hosts.Start(worker) }, 0);
            try
            {
                for (var until = DateTime.UtcNow.AddSeconds(240); (await api.Store.Jobs.FindAsync(job.Id, Cancel))!.State != JobState.Completed; await Task.Delay(100, Cancel))
                {
                    Assert.True(DateTime.UtcNow < until, $"{deaths} deaths\n{await ChunksAsync(api.Store, job.Id)}\n{string.Join("\n----\n", workers.Select(process => process.Said))}");
                    foreach (var (index, dead) in workers.Index().Where(process => process.Item.HasExited).ToList())
                    {
                        Assert.True(dead.ExitCode == HostProcess.Segfaulted, $"{dead.ExitCode}: {dead.Said}");
                        Assert.InRange(++deaths, 1, 5);
                        await dead.DisposeAsync();
                        workers[index] = Hosts.Start(worker);
                    }
                }
                await CompletesAsync(api.Store, job.Id, 999, 1, workers);
            }
            finally
            {
                foreach (var process in workers)
                    await process.DisposeAsync();
            }
            Assert.InRange(deaths, 3, 5); // once in company, twice alone
            var failed = await api.Store.Items.AllAsync(new ItemQuery { Job = job.Id, Status = ItemStatus.Failed }, Cancel).ToListAsync(Cancel);
            Assert.Equal([(477, ItemFailure.Poison)], failed.Select(item => (item.Number, item.Reason)));
        }
        finally
        {
            await MongoStoreTests.DropAsync(options.Database);
        }
    }

    [Trait("RabbitMQ", "wire")]
    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task A_worker_that_is_asked_to_stop_gives_its_chunks_back_unharmed()
    {
        using var pictures = new Pictures(640);
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures)) with { TrustSeconds = 600 }; // nothing comes back by waiting
        string[] common = [$"store={pictures.Database}", $"bus={broker.Uri}", $"prefix={broker.Prefix}", $"root={pictures.Folder}", "lease=600"];
        await using var api = await Processes.StartAsync(options);
        var job = await api.SubmitAsync(Spec(pictures));
        await using (var slow = await Hosts.Start([.. common, "role=worker", "slow=100", "drain=1"]).ReadyAsync(180))
        {
            await slow.SaysAsync("has a chunk", 60);
            slow.AskToStop();
            Assert.True(await slow.DiesAsync(30), slow.Said);
            Assert.Contains("stopped", slow.Said);
        }
        await using var quick = await Hosts.Start([.. common, "role=worker"]).ReadyAsync(180);
        await CompletesAsync(api.Store, job.Id, 640, 0, quick);
        for (var number = 0; number < 10; number++)
            Assert.Equal(0, (await api.Store.Chunks.FindAsync(job.Id, number, Cancel))!.Crashes);
    }

    private static async Task CompletesAsync(IStore store, Guid id, int completed, int failed, params HostProcess[] processes)
    {
        for (var until = DateTime.UtcNow.AddSeconds(300); (await store.Jobs.FindAsync(id, Cancel))!.State != JobState.Completed; await Task.Delay(100, Cancel))
            Assert.True(DateTime.UtcNow < until, $"{(await store.Jobs.FindAsync(id, Cancel))!.Progress}\n{await ChunksAsync(store, id)}\n{string.Join("\n----\n", processes.Select(process => process.Said))}");
        var job = (await store.Jobs.FindAsync(id, Cancel))!;
        Assert.Equal((completed, failed), (job.Progress.Completed, job.Progress.Failed));
        Assert.Equal(job.Progress, await store.Items.RecountAsync(id, Cancel));
        var numbers = new HashSet<int>();
        await foreach (var item in store.Items.AllAsync(new ItemQuery { Job = id, Limit = 1000 }, Cancel))
        {
            Assert.True(numbers.Add(item.Number));
            if (item.Explanation is { } explanation)
                Assert.NotNull(await store.Explanations.FindAsync(explanation, Cancel));
        }
        Assert.Equal(completed + failed, numbers.Count);
    }

    /// <summary>Those that are not done.</summary>
    private static async Task<string> ChunksAsync(IStore store, Guid job)
    {
        var open = new List<string>();
        for (var number = 0; await store.Chunks.FindAsync(job, number, Cancel) is { } chunk; number++)
            if (chunk.State != ChunkState.Done)
                open.Add($"chunk {number}: {chunk.State}, epoch {chunk.Epoch}, attempts {chunk.Attempts}, crashes {chunk.Crashes}, {chunk.Worker}, published {chunk.Published:T}, leased {chunk.Leased:T}, until {chunk.Until:T}");
        return string.Join('\n', open);
    }
}
