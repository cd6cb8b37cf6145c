using System.Globalization;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Tests.Stores;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Pipeline.Tests.Running;

/// <summary>
/// How much of a large job is done before a short one behind it has ended: counted in chunks, so that it does not matter how fast the
/// machine is.
/// </summary>
public sealed class InterleavingTests
{
    private const int Window = 8,
        Few = 512,
        FewChunks = Few / 64;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_short_job_behind_one_of_200_000_images_is_served_one_for_one()
    {
        using var pictures = new Pictures(1000);
        await ServedOneForOneAsync(pictures, Processes.Options(pictures), 200_000);
    }

    [Trait("RabbitMQ", "whole")]
    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task A_short_job_behind_a_large_one_is_served_one_for_one_over_RabbitMQ_and_MongoDB()
    {
        Assert.SkipWhen(MongoStoreTests.Uri is null, $"{MongoStoreTests.Variable} is not set: no MongoDB to test against.");
        using var pictures = new Pictures(1000);
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures)) with { Store = MongoStoreTests.Uri!, Database = MongoStoreTests.NewName() };
        try
        {
            await ServedOneForOneAsync(pictures, options, 40_000);
        }
        finally
        {
            await MongoStoreTests.DropAsync(options.Database);
        }
    }

    private static async Task ServedOneForOneAsync(Pictures pictures, PipelineOptions options, int many)
    {
        using var planned = new ManualResetEventSlim();
        await using var process = await Processes.StartAsync(
            options with
            {
                MinWindow = Window,
                MaxWindow = Window,
            },
            new WorkerOptions(),
            new ObservedLoader(_ => planned.Wait())
        );
        var large = await process.SubmitAsync(Spec(pictures, many));
        await process.WaitAsync(large.Id, job => job.Images == many, seconds: 240);
        planned.Set();
        // Every picture is explained: from here on all chunks cost the same
        large = await process.WaitAsync(large.Id, job => job.Progress.ChunksDone * 64 >= 2 * 1000);

        var small = await process.SubmitAsync(Spec(pictures, Few));
        small = await process.WaitAsync(small.Id, job => job.State == JobState.Completed);
        Assert.Equal(Few, small.Progress.Completed);
        Assert.Equal(JobState.Running, (await process.Store.Jobs.FindAsync(large.Id, Cancel))!.State);
        await process.Store.Jobs.CancelAsync(large.Id, cancellationToken: Cancel);

        var startedAt = (await process.Store.Chunks.FindAsync(small.Id, 0, Cancel))!.Published!.Value;
        var meanwhile = 0;
        for (
            var number = large.Progress.ChunksDone - 2 * Window;
            await process.Store.Chunks.FindAsync(large.Id, number, Cancel) is { Published: not null } chunk;
            number++
        )
            meanwhile += chunk.Leased >= startedAt && chunk.Leased <= small.Finished ? 1 : 0;
        TestContext.Current.TestOutputHelper?.WriteLine($"{meanwhile} of {many / 64} chunks while {FewChunks} were done");
        // What lay in the broker before, as many as its own, and a window more for what happens to be in hand. Behind the whole job it
        // would be thousands, or hundreds.
        Assert.InRange(meanwhile, 1, Window + FewChunks + Window);
    }

    /// <summary>So many rows that name the pictures in turn.</summary>
    private static JobSpec Spec(Pictures pictures, int rows)
    {
        var manifest = Path.Combine(pictures.Folder, $"{rows}.csv");
        File.WriteAllLines(manifest, Enumerable.Range(0, rows).Select(row => pictures.PathOf(row % 1000)).Prepend("path"));
        return new JobSpec { Source = string.Create(CultureInfo.InvariantCulture, $"manifest:{manifest}"), Model = NullEngine.Pin };
    }
}
