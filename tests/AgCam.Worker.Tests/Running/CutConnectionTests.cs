using AgCam.Pipeline.Records;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Tests a lost broker connection: the broker redelivers messages of workers that are still running.</summary>
[Trait("RabbitMQ", "wire")]
public sealed class CutConnectionTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Lost_broker_connection_requeues_chunks_in_progress_without_counting_a_crash()
    {
        using var pictures = new Pictures(1536);
        await using var broker = await Broker.OpenAsync();
        await using var way = new BrokerProxy(broker.Uri);
        var options = broker.Over(Processes.Options(pictures)) with { Bus = way.Uri };
        await using var api = await Processes.StartAsync(options);
        var job = await api.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        await using (var first = await StartWorkerAsync("first"))
        await using (var second = await StartWorkerAsync("second"))
        {
            for (var cuts = 1; cuts <= 3; cuts++)
            {
                await api.WaitAsync(job.Id, job => job.Progress.ChunksDone >= 3 * cuts);
                way.Cut();
                way.Mend();
            }
            job = await api.WaitAsync(job.Id, job => job.State == JobState.Completed, 300);
        }
        Assert.Equal(1536, job.Progress.Completed);
        var attempts = 0;
        for (var number = 0; number < job.Chunks; number++)
        {
            var chunk = (await api.Store.Chunks.FindAsync(job.Id, number, Cancel))!;
            Assert.Equal((number, 0, null), (number, chunk.Crashes, chunk.CrashNote));
            attempts += chunk.Attempts;
        }
        Assert.True(attempts > job.Chunks, "No chunk was in progress when the connection was cut.");

        Task<Processes> StartWorkerAsync(string name) =>
            Processes.StartAsync(options with { RunJobs = false }, new WorkerOptions { Name = name }, ObservedLoader.Slow(5));
    }
}
