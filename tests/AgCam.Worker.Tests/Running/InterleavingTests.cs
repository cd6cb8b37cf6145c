using System.Globalization;
using AgCam.Pipeline;
using AgCam.Pipeline.Records;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>
/// Measures how much of a large job is done before a short one behind it has ended. Counts chunks, so the machine's speed does not
/// matter.
/// </summary>
public sealed class InterleavingTests
{
    private const int Window = 8,
        Few = 512,
        FewChunks = Few / 64;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Short_job_behind_200_000_images_gets_half_of_the_chunks()
    {
        using var pictures = new Pictures(1000);
        await ServedOneForOneAsync(pictures, Processes.Options(pictures), 200_000);
    }

    [Trait("RabbitMQ", "whole")]
    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    public async Task Short_job_behind_a_large_one_gets_half_of_the_chunks_over_RabbitMQ_and_MongoDB()
    {
        Assert.SkipWhen(MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        using var pictures = new Pictures(1000);
        await using var broker = await Broker.OpenAsync();
        var options = broker.Over(Processes.Options(pictures)) with { Store = MongoServer.Uri!, Database = MongoServer.NewName() };
        try
        {
            await ServedOneForOneAsync(pictures, options, 40_000);
        }
        finally
        {
            await MongoServer.DropAsync(options.Database);
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
        // Every picture has an explanation, so from here on all chunks cost the same.
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
        // Chunks in the broker before it, as many as its own, and a window of chunks in progress. Without interleaving it would be
        // hundreds or thousands.
        Assert.InRange(meanwhile, 1, Window + FewChunks + Window);
    }

    /// <summary>Writes a manifest whose rows repeat the pictures.</summary>
    private static JobSpec Spec(Pictures pictures, int rows)
    {
        var manifest = Path.Combine(pictures.Folder, $"{rows}.csv");
        File.WriteAllLines(manifest, Enumerable.Range(0, rows).Select(row => pictures.PathOf(row % 1000)).Prepend("path"));
        return new JobSpec { Source = string.Create(CultureInfo.InvariantCulture, $"manifest:{manifest}"), Model = NullEngine.Pin };
    }
}
