using AgCam.Pipeline.Records;
using AgCam.TestHost;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Tests a rolling restart of all workers.</summary>
[Trait("RabbitMQ", "wire")]
public sealed class RollingRestartTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Rolling_restart_under_load_starts_no_chunk_twice()
    {
        using var pictures = new Pictures(3200);
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures)) with { VisibilityTimeoutSeconds = 600 }; // no chunk is requeued by a timeout
        string[] worker =
        [
            $"store={pictures.Database}",
            $"bus={broker.Uri}",
            $"prefix={broker.Prefix}",
            $"root={pictures.Folder}",
            "lease=600",
            "role=worker",
            "slow=10",
            "drain=24",
        ];
        await using var api = await Processes.StartAsync(options);
        var (done, chunks) = (new List<(int Chunk, DateTimeOffset At)>(), 3200 / options.ChunkSize);
        using var subscription = api.Events.Subscribe(message =>
        {
            lock (done)
                done.Add((message.Chunk, message.At));
        });
        var job = await api.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });

        var workers = new List<HostProcess>();
        try
        {
            for (var i = 0; i < 2; i++)
                workers.Add(await Hosts.Start(worker).ReadyAsync(180));
            for (var i = 0; i < 2; i++)
            {
                await workers[i].SaysAsync("has a chunk", 120);
                Assert.Equal(JobState.Running, (await api.Store.Jobs.FindAsync(job.Id, Cancel))!.State);
                workers[i].AskToStop();
                workers.Add(await Hosts.Start(worker).ReadyAsync(180));
                Assert.True(await workers[i].DiesAsync(120), workers[i].Said);
                Assert.Equal(0, workers[i].ExitCode);
                Assert.Contains("stopped", workers[i].Said);
            }
            job = await api.WaitAsync(job.Id, job => job.State == JobState.Completed, 300);
        }
        finally
        {
            foreach (var item in workers)
                await item.DisposeAsync();
        }
        Assert.Equal(3200, job.Progress.Completed);
        Assert.Equal(job.Progress, await api.Store.Items.RecountAsync(job.Id, Cancel));
        var lasted = new List<double>();
        for (var number = 0; number < chunks; number++)
        {
            var chunk = (await api.Store.Chunks.FindAsync(job.Id, number, Cancel))!;
            // A stopping worker finishes its started chunks and another starts the rest: no chunk waits for a lease, a visibility timeout
            // or a second attempt.
            Assert.Equal((1, 0, 1), (chunk.Attempts, chunk.Crashes, chunk.PublishCount));
            lasted.Add((chunk.Done!.Value - chunk.Published!.Value).TotalSeconds);
        }
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"a chunk took {lasted.Order().ElementAt(chunks / 2):0.0} s (median), at most {lasted.Max():0.0} s, from publishing to done"
        );
    }
}
