using System.Runtime.CompilerServices;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Api;

/// <summary>
/// Waits for results. The bus wakes waiters; events may be lost or go to another replica, so the store is polled too, once for all waiters
/// of an id. A process that stops releases all waiters.
/// </summary>
internal sealed class ResultWaiter : IDisposable
{
    private readonly IStore _store;
    private readonly TimeProvider _clock;
    private readonly CancellationToken _stopping;
    private readonly SharedPoll<Item?> _items;
    private readonly SharedPoll<Job?> _jobs;
    private readonly IDisposable _listening;
    private readonly CancellationTokenRegistration _letGo;

    public ResultWaiter(IStore store, ExplainEvents events, IHostApplicationLifetime generation, TimeProvider clock)
    {
        (_store, _clock, _stopping) = (store, clock, generation.ApplicationStopping);
        _items = new SharedPoll<Item?>((owner, cancellationToken) => store.Items.FindAsync(owner, 0, cancellationToken));
        _jobs = new SharedPoll<Job?>((id, cancellationToken) => store.Jobs.FindAsync(id, cancellationToken));
        _listening = events.Subscribe(explained => _items.Wake(explained.Owner), completed => _jobs.Wake(completed.JobId));
        _letGo = _stopping.Register(() =>
        {
            _items.Stop();
            _jobs.Stop();
        });
    }

    /// <returns>The item of a request; null when there is none after <paramref name="maximum"/>.</returns>
    public Task<Item?> ItemAsync(Guid owner, TimeSpan maximum, CancellationToken cancellationToken) =>
        UntilAsync(
            _items,
            owner,
            () => _store.Items.FindAsync(owner, 0, cancellationToken),
            item => item is not null,
            maximum,
            cancellationToken
        );

    /// <returns>The job when it has ended, or its state after <paramref name="maximum"/>; null for an unknown job.</returns>
    public Task<Job?> JobAsync(Guid id, TimeSpan maximum, CancellationToken cancellationToken) =>
        UntilAsync(_jobs, id, () => _store.Jobs.FindAsync(id, cancellationToken), HasEnded, maximum, cancellationToken);

    /// <summary>Returns the job now and after each poll, until it has ended (the last), is deleted or the process stops.</summary>
    public async IAsyncEnumerable<Job> FollowAsync(Guid id, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var watch = _jobs.Join(id);
        var job = await _store.Jobs.FindAsync(id, cancellationToken);
        while (job is not null)
        {
            yield return job;
            if (HasEnded(job) || _stopping.IsCancellationRequested)
                yield break;
            job = await watch.NextAsync(job, Timeout.InfiniteTimeSpan, cancellationToken);
        }
    }

    public static bool HasEnded(Job? job) => job is null or { State: JobState.Completed or JobState.Cancelled };

    public void Dispose()
    {
        _letGo.Dispose();
        _listening.Dispose();
    }

    private async Task<T> UntilAsync<T>(
        SharedPoll<T> polls,
        Guid id,
        Func<Task<T>> look,
        Func<T, bool> isIt,
        TimeSpan maximum,
        CancellationToken cancellationToken
    )
    {
        if (maximum <= TimeSpan.Zero)
            return await look();
        var until = _clock.GetUtcNow() + maximum;
        using var watch = polls.Join(id);
        var found = await look();
        while (!isIt(found) && !_stopping.IsCancellationRequested && until - _clock.GetUtcNow() is { } left && left > TimeSpan.Zero)
            found = await watch.NextAsync(found, left, cancellationToken);
        return found;
    }
}
