using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>
/// Submits a job, deletes it and submits another folder under the same key while the bus holds chunks of the first job.
/// </summary>
[Trait("RabbitMQ", "whole")]
public sealed class RemadeJobTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Job_recreated_under_its_key_has_only_its_own_images(bool brokered)
    {
        Assert.SkipWhen(brokered && !Broker.IsThere, "AGCAM_TEST_RABBITMQ names no broker");
        using var wrong = new Pictures(640);
        using var right = new Pictures(320);
        await using var broker = brokered ? await Broker.OpenAsync() : null;
        var options = Processes.Options(right) with { References = new() { Roots = [wrong.Folder, right.Folder] } };
        await using var process = await Processes.StartAsync(broker?.Over(options) ?? options, new WorkerOptions(), ObservedLoader.Slow(5));

        var first = await process.SubmitAsync(new JobSpec { Source = $"folder:{wrong.Folder}", Model = NullEngine.Pin }, "nightly");
        await process.WaitAsync(first.Id, job => job.Progress.ChunksDone >= 2);
        Assert.True(await process.Store.Jobs.DeleteAsync(first.Id, Cancel));
        var second = await process.SubmitAsync(new JobSpec { Source = $"folder:{right.Folder}", Model = NullEngine.Pin }, "nightly");
        Assert.Equal(first.Id, second.Id);
        var done = await process.WaitAsync(second.Id, job => job.State == JobState.Completed);

        Assert.Equal((320, 320), (done.Images, done.Progress.Completed));
        var items = await process.Store.Items.AllAsync(new ItemQuery { Job = second.Id }, Cancel).ToListAsync(Cancel);
        Assert.Equal(320, items.Count);
        Assert.All(items, item => Assert.StartsWith(right.Folder, item.Uri));
    }
}
