using AgCam.Pipeline.Records;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Tests the states of a job with a real broker and MongoDB.</summary>
[Trait("RabbitMQ", "wire")]
public sealed class BrokeredJobTests
{
    private const int Window = 8;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public Task Cancelled_job_publishes_nothing_more_and_its_queued_chunks_are_not_computed() =>
        RunAsync(
            new Pictures(1920),
            new ObservedLoader(_ => { }),
            async (broker, process, pictures, loader) =>
            {
                using var gate = new ManualResetEventSlim();
                loader.Before = _ => gate.Wait(); // no batch is computed before the job is cancelled
                var job = await process.SubmitAsync(Completion.Spec(pictures));
                await process.WaitAsync(job.Id, job => job.Images == 1920);
                await Eventually.TrueAsync(async () =>
                    (await ChunksAsync(process, job.Id)).Count(chunk => chunk.PublishCount > 0) == Window
                );

                Assert.True(await process.Store.Jobs.CancelAsync(job.Id, "enough", Cancel));
                gate.Set();
                await Eventually.TrueAsync(async () =>
                    await broker.Channel.MessageCountAsync($"{broker.Prefix}-bulk", Cancel) == 0
                    && (await ChunksAsync(process, job.Id)).All(chunk => chunk.State != ChunkState.Leased)
                );

                var chunks = await ChunksAsync(process, job.Id);
                Assert.Equal((30, Window), (chunks.Count, chunks.Count(chunk => chunk.PublishCount > 0)));
                // Chunks in progress may still be saved.
                Assert.InRange(chunks.Count(chunk => chunk.State == ChunkState.Done), 0, new WorkerOptions().BulkChunks);
                job = (await process.Store.Jobs.FindAsync(job.Id, Cancel))!;
                Assert.Equal(JobState.Cancelled, job.State);
                Assert.Equal(job.Progress.Completed, (await process.Store.Items.RecountAsync(job.Id, Cancel)).Completed);
            }
        );

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public Task Job_whose_first_images_fail_is_paused_and_continues_when_resumed() =>
        RunAsync(
            new Pictures(300, broken: 200),
            new ObservedLoader(_ => { }),
            async (_, process, pictures, loader) =>
            {
                using var gate = new ManualResetEventSlim(); // holds the good images, so that the job is paused before it ends
                loader.Before = _ => gate.Wait();
                await Completion.AfterFailuresAsync(process, pictures, gate);
            }
        );

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public Task Job_for_a_model_that_no_worker_has_continues_when_one_has_it_and_it_is_resumed() =>
        RunAsync(
            new Pictures(300),
            new LateLoader(),
            async (_, process, pictures, loader) =>
            {
                var job = await process.SubmitAsync(Completion.Spec(pictures));
                job = await process.WaitAsync(job.Id, job => job.State == JobState.Paused);
                Assert.StartsWith("model-not-found: ", job.Reason);
                loader.Has = true;
                Assert.True(await process.Store.Jobs.ResumeAsync(job.Id, Cancel));
                job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
                Assert.Equal((300, 0), (job.Progress.Completed, job.Progress.Failed));
                Assert.All(await ChunksAsync(process, job.Id), chunk => Assert.Equal((0, 0), (chunk.Crashes, chunk.Faults)));
            }
        );

    private static async Task RunAsync<TLoader>(Pictures made, TLoader loader, Func<Broker, Processes, Pictures, TLoader, Task> test)
        where TLoader : IEngineLoader
    {
        using var pictures = made;
        Assert.SkipWhen(MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures)) with
        {
            Store = MongoServer.Uri!,
            Database = MongoServer.NewName(),
            MinWindow = Window,
            MaxWindow = Window,
        };
        try
        {
            await using var process = await Processes.StartAsync(options, new WorkerOptions(), loader);
            await test(broker, process, pictures, loader);
        }
        finally
        {
            await MongoServer.DropAsync(options.Database);
        }
    }

    private static async Task<List<Chunk>> ChunksAsync(Processes process, Guid job)
    {
        var chunks = new List<Chunk>();
        while (await process.Store.Chunks.FindAsync(job, chunks.Count, Cancel) is { } chunk)
            chunks.Add(chunk);
        return chunks;
    }
}
