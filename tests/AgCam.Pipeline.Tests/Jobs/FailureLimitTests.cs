using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

public sealed class FailureLimitTests
{
    [Theory]
    [InlineData(0.1, 64, 0, false)] // below the 100 failures of the first thousand images
    [InlineData(0.1, 101, 0, true)]
    [InlineData(0.1, 100, 900, false)]
    [InlineData(0.1, 300, 2700, false)]
    [InlineData(0.1, 301, 2699, true)] // after the first thousand the share counts
    [InlineData(1, 1000, 0, false)]
    [InlineData(0, 1, 0, true)]
    public void More_failures_than_allowed_pause_a_job(double rate, int failed, int completed, bool paused) =>
        Assert.Equal(paused, FailureLimit.Check(With(rate, failed, completed))?.Reason is not null);

    [Fact]
    public void Failure_rate_of_a_small_job_is_relative_to_its_size()
    {
        Assert.NotNull(FailureLimit.Check(With(0.1, 11, 20) with { Images = 100 })?.Reason);
        Assert.Null(FailureLimit.Check(With(0.1, 10, 20) with { Images = 100 }));
    }

    [Fact]
    public async Task Resumed_job_is_not_paused_again_after_a_restart()
    {
        var job = await CreateAsync(0.1);
        Assert.False(await AllowsAsync(job, failed: 500, completed: 0));
        Assert.Contains("500 of the first 500", (await Jobs.FindAsync(job, Cancel))!.Reason);
        Assert.False(await AllowsAsync(job, failed: 500, completed: 0)); // already paused

        await Jobs.ResumeAsync(job, Cancel);

        Assert.True(await AllowsAsync(job, failed: 500, completed: 0));
        Assert.Equal(JobState.Running, (await Jobs.FindAsync(job, Cancel))!.State);
    }

    [Fact]
    public async Task Job_whose_first_thousand_images_passed_is_not_checked_again_after_a_restart()
    {
        var job = await CreateAsync(0.1);
        Assert.True(await AllowsAsync(job, failed: 0, completed: 999));
        Assert.True(await AllowsAsync(job, failed: 0, completed: 1000));
        Assert.True(await AllowsAsync(job, failed: 900, completed: 1000));
    }

    [Fact]
    public async Task Job_paused_for_another_reason_is_still_checked()
    {
        var job = await CreateAsync(0.1);
        await Jobs.PauseAsync(job, "denied", Cancel);
        Assert.False(await AllowsAsync(job, failed: 500, completed: 0));
        Assert.Equal("denied", (await Jobs.FindAsync(job, Cancel))!.Reason);
        await Jobs.ResumeAsync(job, Cancel);
        Assert.False(await AllowsAsync(job, failed: 500, completed: 0));
        Assert.Contains("500 of the first 500", (await Jobs.FindAsync(job, Cancel))!.Reason);
    }

    private readonly ModelStore _store = new(new FakeClock());

    private IJobs Jobs => _store;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task<Guid> CreateAsync(double rate) =>
        (await Jobs.CreateAsync(Some.Spec() with { MaxFailureRate = rate }, cancellationToken: Cancel)).Job.Id;

    /// <summary>Asks a new instance, as after a restart of the process.</summary>
    private Task<bool> AllowsAsync(Guid job, int failed, int completed) =>
        new FailureLimit(_store).AllowAsync(With(0.1, failed, completed) with { Id = job }, Cancel);

    private static Job With(double rate, int failed, int completed) =>
        new()
        {
            Id = Guid.NewGuid(),
            Spec = Some.Spec() with { MaxFailureRate = rate },
            Created = default,
            State = JobState.Running,
            Progress = new JobProgress { Failed = failed, Completed = completed },
        };
}
