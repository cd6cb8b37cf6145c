using System.Collections.Concurrent;
using System.Diagnostics;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Jobs that were running a moment ago, so that a lease need not ask again for each chunk. A chunk that is with the broker already may
/// be leased for that long after somebody else has paused or cancelled its job, which is no more than if the worker had been a moment
/// quicker; nothing is published in that time.
/// </summary>
internal sealed class RunningJobs
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(250);

    private const int Most = 1000;

    private readonly ConcurrentDictionary<Guid, long> _seen = [];

    public bool Saw(Guid job) => _seen.TryGetValue(job, out var when) && Stopwatch.GetElapsedTime(when) < Moment;

    public void See(Guid job)
    {
        if (_seen.Count >= Most)
            _seen.Clear();
        _seen[job] = Stopwatch.GetTimestamp();
    }

    public void Forget(Guid job) => _seen.TryRemove(job, out _);
}
