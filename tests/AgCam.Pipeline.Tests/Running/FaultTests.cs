using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Pipeline.Tests.Running;

public sealed class FaultTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_fails_again_and_again_ends_as_failed_with_the_last_error()
    {
        using var pictures = new Pictures(70);
        var engines = new FailingLoader(failures: int.MaxValue);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions { MaxFaults = 2, LeaseSeconds = 2 }, engines);
        var job = await process.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((0, 70), (job.Progress.Completed, job.Progress.Failed));
        var items = await process.Store.Items.AllAsync(new ItemQuery { Job = job.Id }, Cancel).ToListAsync(Cancel);
        Assert.All(items, item => Assert.Equal(WorkerFailure.GivenUp, item.Reason));
        Assert.All(items, item => Assert.Contains("2 times", item.Detail));
        Assert.All(items, item => Assert.Contains("out of sorts", item.Detail));
        Assert.Equal(4, engines.Asked); // two chunks, twice each
    }

    [Fact]
    public async Task What_fails_less_often_is_done_after_all()
    {
        using var pictures = new Pictures(10);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions { MaxFaults = 2, LeaseSeconds = 2 }, new FailingLoader(failures: 1));
        var job = await process.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((10, 0), (job.Progress.Completed, job.Progress.Failed));
        Assert.Equal(1, (await process.Store.Chunks.FindAsync(job.Id, 0, Cancel))!.Faults);
    }

    /// <summary>Throws what no worker foresees.</summary>
    private sealed class FailingLoader(int failures) : IEngineLoader
    {
        private int _asked;

        public int Asked => _asked;

        public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancel) =>
            Interlocked.Increment(ref _asked) <= failures ? throw new InvalidOperationException("out of sorts") : new NullLoader().LoadAsync(model, dtype, cancel);
    }
}
