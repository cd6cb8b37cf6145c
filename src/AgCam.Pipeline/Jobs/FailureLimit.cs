using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Pauses a job whose first thousand images fail too often: most likely something is wrong with all of them. A job is judged once, by
/// whichever process is first, and the store remembers
/// it: who resumes it has decided.
/// </summary>
internal sealed class FailureLimit(IStore store)
{
    public const int First = 1000;

    /// <summary>So that the store is not asked again and again.</summary>
    private readonly HashSet<Guid> _judged = [];

    /// <returns>False when the job is not to go on now: it has just been paused, here or elsewhere.</returns>
    public async Task<bool> AllowAsync(Job job, CancellationToken cancellationToken)
    {
        if (Check(job) is not { } verdict || _judged.Contains(job.Id))
            return true;
        var judgement = await store.Jobs.CheckFailureRateAsync(job.Id, verdict.Reason, cancellationToken);
        if (judgement != FailureRateCheck.NotRunning)
            _judged.Add(job.Id);
        return judgement == FailureRateCheck.Before || (judgement == FailureRateCheck.Now && verdict.Reason is null);
    }

    /// <summary>Jobs that do not run any more.</summary>
    public void Forget(IEnumerable<Job> except) => _judged.IntersectWith(except.Select(job => job.Id));

    /// <returns>Null while it is too early to say.</returns>
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

    /// <param name="Reason">Why the job is to be paused; null when it may go on.</param>
    internal sealed record Verdict(string? Reason);
}
