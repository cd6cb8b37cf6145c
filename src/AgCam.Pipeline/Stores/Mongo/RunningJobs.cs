using System.Collections.Concurrent;
using System.Diagnostics;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Remembers for 0.25 s which jobs were running, so that a lease need not read the job. A published chunk may therefore be leased that
/// long after another process has paused or cancelled its job. Nothing is published in that time.
/// </summary>
internal sealed class RunningJobs
{
    /// <summary>Time for which a job counts as running.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMilliseconds(250);

    private const int MaxJobs = 1000;

    private readonly ConcurrentDictionary<Guid, long> _seenAt = [];

    public bool Contains(Guid job) => _seenAt.TryGetValue(job, out var seenAt) && Stopwatch.GetElapsedTime(seenAt) < MaxAge;

    public void Add(Guid job)
    {
        if (_seenAt.Count >= MaxJobs)
            _seenAt.Clear();
        _seenAt[job] = Stopwatch.GetTimestamp();
    }

    public void Remove(Guid job) => _seenAt.TryRemove(job, out _);
}
