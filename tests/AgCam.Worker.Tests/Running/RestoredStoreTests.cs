using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Tests processes on a store that was restored or migrated by a newer version.</summary>
public sealed class RestoredStoreTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Job_that_lost_items_is_completed_and_published_once()
    {
        using var pictures = new Pictures(200);
        var options = Processes.Options(pictures);
        Guid id;
        await using (var process = await Processes.StartAsync(options, new WorkerOptions()))
        {
            id = (await process.SubmitAsync(Completion.Spec(pictures))).Id;
            await process.WaitAsync(id, job => job.State == JobState.Completed);
            await Eventually.TrueAsync(async () => (await process.Store.Jobs.PendingNotificationsAsync(100, Cancel)).Count == 0);
        }
        await using (var torn = new SqliteStore(new SqliteOptions { Path = pictures.Database }))
            await torn.Records.DeleteItemsAsync(id, [.. Enumerable.Range(60, 100)], Cancel);
        File.Delete(pictures.PathOf(100));

        var lines = new List<string>();
        var repaired = await StoreCheck.RunAsync(options, repair: true, lines.Add, Cancel);

        Assert.True(repaired.IsWhole, string.Join('\n', lines));
        await using var again = await Processes.StartAsync(options, new WorkerOptions());
        var job = await again.WaitAsync(id, job => job.State == JobState.Completed);
        Assert.Equal((200, 199, 1), (job.Images, job.Progress.Completed, job.Progress.Failed));
        Assert.Equal(job.Progress, await again.Store.Items.RecountAsync(id, Cancel));
        Assert.Empty(await again.Store.Jobs.PendingNotificationsAsync(100, Cancel));
        var items = await again.Store.Items.AllAsync(new ItemQuery { Job = id, Status = ItemStatus.Completed }, Cancel).ToListAsync(Cancel);
        Assert.Equal(199, items.Select(item => item.Uri).Distinct().Count());
        Assert.DoesNotContain(pictures.PathOf(100), items.Select(item => item.Uri));
    }

    [Fact]
    public async Task Process_stops_when_a_newer_one_has_migrated_its_store()
    {
        using var pictures = new Pictures(0);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        await using var newer = new SqliteStore(
            new SqliteOptions { Path = pictures.Database },
            null,
            ["ALTER TABLE jobs ADD COLUMN colour TEXT"]
        );
        Assert.False(process.Stopping.IsCancellationRequested);

        await newer.MigrateAsync(Cancel);

        await Eventually.TrueAsync(() => Task.FromResult(process.Stopping.IsCancellationRequested));
    }
}
