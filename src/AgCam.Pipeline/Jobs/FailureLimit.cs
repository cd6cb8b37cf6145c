using System.Collections.Concurrent;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Jobs;

/// <summary>Pauses a job whose first thousand images fail too often: most likely something is wrong with all of them.</summary>
internal sealed class FailureLimit
{
    public const int First = 1000;

    private readonly ConcurrentDictionary<Guid, bool> _judged = new();

    /// <returns>Why the job is to be paused; null when it is not. A job is judged once: who resumes it has decided.</returns>
    public string? Judge(Job job)
    {
        var (failed, done) = (job.Progress.Failed, job.Progress.Failed + job.Progress.Completed);
        var sample = Math.Min(First, job.Images ?? First);
        var allowed = job.Spec.MaxFailureRate * Math.Max(sample, done);
        if (failed > allowed && _judged.TryAdd(job.Id, true))
            return $"{failed} of the first {done} images failed, more than the {job.Spec.MaxFailureRate:0.##%} that are allowed. Look at them, then resume the job, or cancel it.";
        if (done >= sample)
            _judged.TryAdd(job.Id, true);
        return null;
    }

    /// <summary>Another process has paused it.</summary>
    public void Paused(Guid job) => _judged.TryAdd(job, true);
}
