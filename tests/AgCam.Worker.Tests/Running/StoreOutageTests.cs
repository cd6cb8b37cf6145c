using AgCam.Pipeline.Records;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Tests workers on a real broker during a store outage.</summary>
[Trait("RabbitMQ", "wire")]
public sealed class StoreOutageTests
{
    private const int MaxChunks = 3;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Worker_holds_its_messages_and_takes_no_more_during_a_store_outage()
    {
        var outage = new StoreOutage { IsDown = true };
        await RunAsync(
            outage,
            retrySeconds: 600,
            async () =>
            {
                var refused = outage.Refused;
                await Eventually.TrueAsync(() => outage.Refused >= refused + 4); // it retries with long pauses
                Assert.Equal(MaxChunks, outage.Asked.Select(asked => asked.Chunk).Distinct().Count());
            }
        );
        Assert.False(outage.SawRedelivery);
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Store_outage_beyond_the_retry_limit_requeues_messages_without_loss_or_crash()
    {
        var outage = new StoreOutage { IsDown = true };
        await RunAsync(outage, retrySeconds: 0.5, () => Eventually.TrueAsync(() => outage.SawRedelivery));
    }

    /// <param name="during">Runs during the outage, when the worker holds its maximum of messages.</param>
    private static async Task RunAsync(StoreOutage outage, double retrySeconds, Func<Task> during)
    {
        using var pictures = new Pictures(640);
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures)) with { MinWindow = 16 };
        await using var api = await Processes.StartAsync(options);
        await using var worker = await Processes.StartAsync(
            options with
            {
                RunJobs = false,
            },
            new WorkerOptions { BulkChunks = MaxChunks, StoreRetrySeconds = retrySeconds },
            store: outage.Of
        );
        var job = await api.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        await Eventually.TrueAsync(() => outage.Asked.Select(asked => asked.Chunk).Distinct().Count() >= MaxChunks);
        await during();
        Assert.Equal(0, (await api.Store.Jobs.FindAsync(job.Id, Cancel))!.Progress.ChunksDone);

        outage.IsDown = false;
        job = await api.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((640, 0), (job.Progress.Completed, job.Progress.Failed));
        for (var number = 0; number < 10; number++)
        {
            var chunk = (await api.Store.Chunks.FindAsync(job.Id, number, Cancel))!;
            Assert.Equal((1, 0, 0), (chunk.Attempts, chunk.Crashes, chunk.Faults));
        }
    }
}
