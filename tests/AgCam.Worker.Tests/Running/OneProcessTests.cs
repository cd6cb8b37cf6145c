using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Tests one process with the in-memory bus and SQLite.</summary>
public sealed class OneProcessTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static JobSpec Spec(string source) => new() { Source = source, Model = NullEngine.Pin };

    [Fact]
    public async Task Job_ends_with_one_record_for_every_image()
    {
        using var pictures = new Pictures(1000, broken: 7);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var received = new List<JobCompleted>();
        using var subscription = process.Events.Subscribe(null, received.Add);

        var job = await process.SubmitAsync(Spec($"folder:{pictures.Folder}"));
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);

        Assert.Equal(1000, job.Images);
        Assert.Equal(16, job.Chunks);
        Assert.Equal((993, 7, 16), (job.Progress.Completed, job.Progress.Failed, job.Progress.ChunksDone));
        Assert.Equal(job.Progress, await process.Store.Items.RecountAsync(job.Id, Cancel));
        var items = await process.Store.Items.AllAsync(new ItemQuery { Job = job.Id }, Cancel).ToListAsync(Cancel);
        Assert.Equal(Enumerable.Range(0, 1000), items.Select(item => item.Number));
        Assert.All(items.Take(7), item => Assert.Equal(AgCam.Images.ImageFailure.UnsupportedFormat, item.Reason));
        Assert.All(items.Skip(7), item => Assert.Equal(ItemStatus.Completed, item.Status));
        Assert.Equal(job.Id, Assert.Single(received).JobId);
    }

    [Fact]
    public async Task Stored_explanations_are_not_computed_again()
    {
        using var pictures = new Pictures(100);
        var explained = 0;
        await using var process = await Processes.StartAsync(
            Processes.Options(pictures),
            new WorkerOptions(),
            new ObservedLoader(images => Interlocked.Add(ref explained, images.Count))
        );
        var first = await process.SubmitAsync(Spec($"folder:{pictures.Folder}"));
        await process.WaitAsync(first.Id, job => job.State == JobState.Completed);
        Assert.Equal(100, explained);

        var second = await process.SubmitAsync(Spec($"folder:{pictures.Folder}") with { Tags = ["again"] });
        await process.WaitAsync(second.Id, job => job.State == JobState.Completed);

        Assert.Equal(100, explained);
        Assert.NotEqual(first.Id, second.Id);
        for (var i = 0; i < 100; i++)
        {
            var (before, after) = (
                await process.Store.Items.FindAsync(first.Id, i, Cancel),
                await process.Store.Items.FindAsync(second.Id, i, Cancel)
            );
            Assert.Equivalent(before! with { Job = second.Id, Time = after!.Time }, after, strict: true);
        }
    }

    [Fact]
    public async Task Request_is_computed_once_however_often_it_is_sent()
    {
        using var pictures = new Pictures(3);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var request = new ExplainImages
        {
            Key = "the same",
            Lane = Lane.Interactive,
            Model = NullEngine.Pin,
            References = [.. Enumerable.Range(0, 3).Select(i => new ImageReference { Number = i, Uri = pictures.PathOf(i) })],
        };
        for (var i = 0; i < 3; i++)
        {
            var waiting = process.Events.WaitAsync(request.Owner, TimeSpan.FromSeconds(20), Cancel);
            var chunk = await process.Store.Chunks.AcceptAsync(request, TimeSpan.FromMinutes(1), cancellationToken: Cancel);
            Assert.Equal(i == 0 ? ChunkState.Published : ChunkState.Done, chunk.State);
            if (chunk.State == ChunkState.Done)
                break;
            await process.Bus.PublishAsync(request, Cancel);
            Assert.True(await waiting);
        }
        Assert.Equal(3, (await process.Store.Items.RecountAsync(request.Owner, Cancel)).Completed);
    }
}
