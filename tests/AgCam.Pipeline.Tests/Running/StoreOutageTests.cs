using AgCam.Pipeline.Records;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Pipeline.Tests.Running;

/// <summary>Workers on a real broker whose store is away for a while.</summary>
[Trait("RabbitMQ", "wire")]
public sealed class StoreOutageTests
{
    private const int InHand = 3;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task A_worker_whose_store_is_away_takes_no_more_messages_gives_none_back_and_goes_on_after()
    {
        var outage = new StoreOutage { Away = true };
        await RunAsync(
            outage,
            patience: 600,
            async () =>
            {
                var refused = outage.Refused;
                await Eventually.TrueAsync(() => outage.Refused >= refused + 4); // it tries on, seldom: seconds have passed
                Assert.Equal(InHand, outage.Asked.Select(asked => asked.Chunk).Distinct().Count());
            }
        );
        Assert.False(outage.SawOneAgain);
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task A_worker_whose_patience_is_at_its_end_gives_messages_back_and_nothing_is_lost_or_counts_as_a_crash()
    {
        var outage = new StoreOutage { Away = true };
        await RunAsync(outage, patience: 0.5, () => Eventually.TrueAsync(() => outage.SawOneAgain));
    }

    /// <param name="during">While the store is away and the worker has its hands full.</param>
    private static async Task RunAsync(StoreOutage outage, double patience, Func<Task> during)
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
            new WorkerOptions { BulkChunks = InHand, StoreRetrySeconds = patience },
            store: outage.Of
        );
        var job = await api.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        await Eventually.TrueAsync(() => outage.Asked.Select(asked => asked.Chunk).Distinct().Count() >= InHand);
        await during();
        Assert.Equal(0, (await api.Store.Jobs.FindAsync(job.Id, Cancel))!.Progress.ChunksDone);

        outage.Away = false;
        job = await api.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((640, 0), (job.Progress.Completed, job.Progress.Failed));
        for (var number = 0; number < 10; number++)
        {
            var chunk = (await api.Store.Chunks.FindAsync(job.Id, number, Cancel))!;
            Assert.Equal((1, 0, 0), (chunk.Attempts, chunk.Crashes, chunk.Faults));
        }
    }
}
