using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.TestHost;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Waits for jobs to complete and checks their stored records.</summary>
internal static class Completion
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static JobSpec Spec(Pictures pictures) => new() { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin };

    /// <summary>Runs a job of 200 failing and 100 good images: it is paused, then resumed, and completes.</summary>
    /// <param name="gate">Holds the good images until the job is paused.</param>
    public static async Task AfterFailuresAsync(Processes process, Pictures pictures, ManualResetEventSlim gate)
    {
        var job = await process.SubmitAsync(Spec(pictures) with { MaxFailureRate = 0.1 });
        job = await process.WaitAsync(job.Id, job => job.State is JobState.Paused or JobState.Completed);
        Assert.Equal(JobState.Paused, job.State);
        Assert.Contains("images failed", job.Reason);
        gate.Set();
        Assert.True(await process.Store.Jobs.ResumeAsync(job.Id, Cancel));
        await ShowsAsync(process.Store, job.Id, 100, 200);
    }

    /// <summary>Waits for the job and asserts that its totals equal its items and that every named explanation exists.</summary>
    public static async Task ShowsAsync(IStore store, Guid id, int completed, int failed, params HostProcess[] processes)
    {
        Job? job = null;
        await Eventually.TrueAsync(
            async () => (job = (await store.Jobs.FindAsync(id, Cancel))!).State == JobState.Completed,
            async () =>
                $"{job!.Progress}\n{await OpenChunksAsync(store, id)}\n"
                + string.Join("\n----\n", processes.Select(process => process.Said)),
            seconds: 300
        );
        Assert.Equal((completed, failed), (job!.Progress.Completed, job.Progress.Failed));
        Assert.Equal(job.Progress, await store.Items.RecountAsync(id, Cancel));
        var numbers = new HashSet<int>();
        await foreach (var item in store.Items.AllAsync(new ItemQuery { Job = id, Limit = 1000 }, Cancel))
        {
            Assert.True(numbers.Add(item.Number));
            if (item.Explanation is { } explanation)
                Assert.NotNull(await store.Explanations.FindAsync(explanation, Cancel));
        }
        Assert.Equal(completed + failed, numbers.Count);
    }

    /// <summary>Returns the chunks that are not done.</summary>
    public static async Task<string> OpenChunksAsync(IStore store, Guid job)
    {
        var open = new List<string>();
        for (var number = 0; await store.Chunks.FindAsync(job, number, Cancel) is { } chunk; number++)
            if (chunk.State != ChunkState.Done)
                open.Add(
                    $"chunk {number}: {chunk.State}, epoch {chunk.PublishCount}, attempts {chunk.Attempts}, crashes "
                        + $"{chunk.Crashes}, {chunk.Worker}, published {chunk.Published:T}, leased {chunk.Leased:T}, until {chunk.Until:T}"
                );
        return string.Join('\n', open);
    }
}
