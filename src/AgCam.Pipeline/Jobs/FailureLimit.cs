using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Pauses a job when too many of its first thousand images fail. Each job is checked once, and the store records the check:
/// a job that was resumed is not paused again.
/// </summary>
internal sealed class FailureLimit(IStore store)
{
    public const int First = 1000;

    /// <summary>Jobs that were checked, to spare calls of the store.</summary>
    private readonly HashSet<Guid> _checked = [];

    /// <returns>False when the job has just been paused, by this or another process.</returns>
    public async Task<bool> AllowAsync(Job job, CancellationToken cancellationToken)
    {
        if (Check(job) is not { } verdict || _checked.Contains(job.Id))
            return true;
        var check = await store.Jobs.CheckFailureRateAsync(job.Id, verdict.Reason, cancellationToken);
        if (check != FailureRateCheck.NotRunning)
            _checked.Add(job.Id);
        return check == FailureRateCheck.Before || (check == FailureRateCheck.Now && verdict.Reason is null);
    }

    /// <summary>Forgets jobs that no longer run.</summary>
    public void Forget(IEnumerable<Job> except) => _checked.IntersectWith(except.Select(job => job.Id));

    /// <returns>Null when too few images are done.</returns>
    public static Verdict? Check(Job job)
    {
        var (failed, done) = (job.Progress.Failed, job.Progress.Failed + job.Progress.Completed);
        var sample = Math.Min(First, job.Images ?? First);
        var allowed = job.Spec.MaxFailureRate * Math.Max(sample, done);
        if (failed > allowed)
            return new Verdict(
                $"{failed} of the first {done} images failed, more than the {job.Spec.MaxFailureRate:0.##%} that are allowed. "
                    + $"Look at them, then resume the job, or cancel it."
            );
        return done >= sample && job.Spec.MaxFailureRate < 1 ? new Verdict(null) : null;
    }

    /// <param name="Reason">Reason to pause the job; null when it may continue.</param>
    internal sealed record Verdict(string? Reason);
}
