using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

public sealed class FailureLimitTests
{
    [Theory]
    [InlineData(0.1, 64, 0, false)] // 64 of the first thousand may fail at 10 %
    [InlineData(0.1, 101, 0, true)]
    [InlineData(0.1, 100, 900, false)]
    [InlineData(0.1, 300, 2700, false)]
    [InlineData(0.1, 301, 2699, true)] // judged late: the share counts
    [InlineData(1, 1000, 0, false)]
    [InlineData(0, 1, 0, true)]
    public void More_failures_than_allowed_pause_a_job(double rate, int failed, int completed, bool paused) =>
        Assert.Equal(paused, new FailureLimit().Judge(With(rate, failed, completed)) is not null);

    [Fact]
    public void A_small_job_is_judged_by_its_own_size()
    {
        Assert.NotNull(new FailureLimit().Judge(With(0.1, 11, 20) with { Images = 100 }));
        Assert.Null(new FailureLimit().Judge(With(0.1, 10, 20) with { Images = 100 }));
    }

    [Fact]
    public void A_job_is_judged_once()
    {
        var limit = new FailureLimit();
        var job = With(0.1, 500, 0);
        Assert.NotNull(limit.Judge(job));
        Assert.Null(limit.Judge(job));
        var later = With(0.1, 0, 1000);
        Assert.Null(limit.Judge(later));
        Assert.Null(limit.Judge(later with { Progress = later.Progress with { Failed = 900 } }));
    }

    [Fact]
    public void A_job_that_another_process_has_paused_is_not_paused_again()
    {
        var limit = new FailureLimit();
        var job = With(0.1, 500, 0);
        limit.Paused(job.Id);
        Assert.Null(limit.Judge(job));
    }

    private static Job With(double rate, int failed, int completed) => new()
    {
        Id = Guid.NewGuid(),
        Spec = Some.Spec() with { MaxFailureRate = rate },
        Created = default,
        State = JobState.Running,
        Progress = new JobProgress { Failed = failed, Completed = completed },
    };
}
