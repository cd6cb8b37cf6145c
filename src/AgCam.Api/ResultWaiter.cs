using System.Runtime.CompilerServices;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Api;

/// <summary>
/// Holds a caller until there is an answer. The bus wakes it up; because a wake-up may go unheard, and another replica's job is not
/// told here, the store
/// is asked now and then as well: once for all who wait for the same. A process that stops lets everybody go.
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

    /// <returns>The record of a request's image; null when there is none after <paramref name="maximum"/>.</returns>
    public Task<Item?> ItemAsync(Guid owner, TimeSpan maximum, CancellationToken cancellationToken) =>
        UntilAsync(
            _items,
            owner,
            () => _store.Items.FindAsync(owner, 0, cancellationToken),
            item => item is not null,
            maximum,
            cancellationToken
        );

    /// <returns>The job once it has ended, or as it stands after <paramref name="maximum"/>; null when there is no such job.</returns>
    public Task<Job?> JobAsync(Guid id, TimeSpan maximum, CancellationToken cancellationToken) =>
        UntilAsync(_jobs, id, () => _store.Jobs.FindAsync(id, cancellationToken), HasEnded, maximum, cancellationToken);

    /// <summary>The job now and at every look, until it has ended (which is the last) or is gone, or the process stops.</summary>
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
