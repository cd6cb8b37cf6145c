using AgCam.Pipeline;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.TestHost;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>
/// Kills workers and planners on a broker at named points. Every image ends in exactly one record.
/// </summary>
public sealed class WorkerDeathTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Trait("RabbitMQ", "wire")]
    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Worker_that_loses_its_device_exits_with_its_code_and_another_continues()
    {
        using var pictures = new Pictures(300);
        await using var broker = await Broker.OpenAsync();
        string[] common =
        [
            $"store={pictures.Database}",
            $"bus={broker.Uri}",
            $"prefix={broker.Prefix}",
            $"root={pictures.Folder}",
            "lease=4",
            "visibility=5",
        ];
        await using var api = await Processes.StartAsync(broker.Over(Processes.Options(pictures)) with { VisibilityTimeoutSeconds = 5 });
        var job = await api.SubmitAsync(Completion.Spec(pictures));
        await using (var losing = Hosts.Start([.. common, "role=worker", "kill=fatal-device:2"]))
        {
            Assert.True(await losing.DiesAsync(120), losing.Said);
            Assert.Equal(AgCam.Worker.FatalDeviceError.ExitCode, losing.ExitCode);
            Assert.Contains("CUDA error", losing.Said);
        }
        await using var other = await Hosts.Start([.. common, "role=worker"]).ReadyAsync(180);
        await Completion.ShowsAsync(api.Store, job.Id, 300, 0, other);
    }

    [Trait("RabbitMQ", "whole")]
    [Theory(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Job_completes_after_workers_and_planners_die_at_any_named_point(bool mongo)
    {
        Assert.SkipWhen(mongo && MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        using var pictures = new Pictures(1500, broken: 5);
        await using var broker = await Broker.OpenAsync();
        var database = MongoServer.NewName();
        var options = broker.Over(Processes.Options(pictures)) with
        {
            Store = mongo ? MongoServer.Uri! : pictures.Database,
            Database = database,
        };
        string[] common =
        [
            $"store={options.Store}",
            $"database={database}",
            $"bus={broker.Uri}",
            $"prefix={broker.Prefix}",
            $"root={pictures.Folder}",
            "lease=4",
            "visibility=5",
            "drain=0",
        ];
        await using var store = PipelineRegistration.OpenStore(options);
        try
        {
            await store.MigrateAsync(Cancel);
            var job = (await store.Jobs.CreateAsync(Completion.Spec(pictures), cancellationToken: Cancel)).Job;

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
            await using var first = await Hosts.Start([.. common, "role=worker"]).ReadyAsync(180);
            await using var second = await Hosts.Start([.. common, "role=worker"]).ReadyAsync(180);
            await Completion.ShowsAsync(store, job.Id, 1495, 5, api, first, second);
        }
        finally
        {
            if (mongo)
                await MongoServer.DropAsync(database);
        }
    }

    /// <summary>Two workers that are restarted whenever they die, as an orchestrator does.</summary>
    [Trait("RabbitMQ", "wire")]
    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Only_the_image_that_crashes_workers_ends_as_poison_after_few_restarts()
    {
        Assert.SkipWhen(MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        using var pictures = new Pictures(1000);
        var poison = AgCam.Digest.Of(await File.ReadAllBytesAsync(pictures.PathOf(477), Cancel));
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures)) with
        {
            Store = MongoServer.Uri!,
            Database = MongoServer.NewName(),
            VisibilityTimeoutSeconds = 5,
        };
        string[] worker =
        [
            $"store={options.Store}",
            $"database={options.Database}",
            $"bus={broker.Uri}",
            $"prefix={broker.Prefix}",
            $"root={pictures.Folder}",
            "lease=4",
            "visibility=5",
            "role=worker",
            $"poison={poison}",
        ];
        try
        {
            await using var api = await Processes.StartAsync(options);
            var job = await api.SubmitAsync(Completion.Spec(pictures));
            var (workers, deaths) = (new[] { Hosts.Start(worker), Hosts.Start(worker) }, 0);
            try
            {
                for (
                    var until = DateTime.UtcNow.AddSeconds(240);
                    (await api.Store.Jobs.FindAsync(job.Id, Cancel))!.State != JobState.Completed;
                    await Task.Delay(100, Cancel)
                )
                {
                    Assert.True(
                        DateTime.UtcNow < until,
                        $"{deaths} deaths\n{await Completion.OpenChunksAsync(api.Store, job.Id)}\n"
                            + string.Join("\n----\n", workers.Select(process => process.Said))
                    );
                    foreach (var (index, dead) in workers.Index().Where(process => process.Item.HasExited).ToList())
                    {
                        Assert.True(dead.ExitCode == HostProcess.Segfaulted, $"{dead.ExitCode}: {dead.Said}");
                        Assert.InRange(++deaths, 1, 5);
                        await dead.DisposeAsync();
                        workers[index] = Hosts.Start(worker);
                    }
                }
                await Completion.ShowsAsync(api.Store, job.Id, 999, 1, workers);
            }
            finally
            {
                foreach (var process in workers)
                    await process.DisposeAsync();
            }
            Assert.InRange(deaths, 3, 5); // once in a shared batch, twice isolated
            var failed = await api
                .Store.Items.AllAsync(new ItemQuery { Job = job.Id, Status = ItemStatus.Failed }, Cancel)
                .ToListAsync(Cancel);
            Assert.Equal([(477, ItemFailure.Poison)], failed.Select(item => (item.Number, item.Reason)));
        }
        finally
        {
            await MongoServer.DropAsync(options.Database);
        }
    }

    [Trait("RabbitMQ", "wire")]
    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Stopping_worker_requeues_its_chunks_without_counting_a_crash()
    {
        using var pictures = new Pictures(640);
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures)) with { VisibilityTimeoutSeconds = 600 }; // no chunk is requeued by a timeout
        string[] common =
        [
            $"store={pictures.Database}",
            $"bus={broker.Uri}",
            $"prefix={broker.Prefix}",
            $"root={pictures.Folder}",
            "lease=600",
        ];
        await using var api = await Processes.StartAsync(options);
        var job = await api.SubmitAsync(Completion.Spec(pictures));
        await using (var slow = await Hosts.Start([.. common, "role=worker", "slow=100", "drain=1"]).ReadyAsync(180))
        {
            await slow.SaysAsync("has a chunk", 60);
            slow.AskToStop();
            Assert.True(await slow.DiesAsync(30), slow.Said);
            Assert.Contains("stopped", slow.Said);
        }
        await using var quick = await Hosts.Start([.. common, "role=worker"]).ReadyAsync(180);
        await Completion.ShowsAsync(api.Store, job.Id, 640, 0, quick);
        for (var number = 0; number < 10; number++)
            Assert.Equal(0, (await api.Store.Chunks.FindAsync(job.Id, number, Cancel))!.Crashes);
    }
}
