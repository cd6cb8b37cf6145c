using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Api;

/// <summary>
/// Holds a caller until there is an answer. The bus wakes it up; because a wake-up may go unheard, and another replica's job is not told here, the store
/// is asked now and then as well. A process that stops lets everybody go.
/// </summary>
internal sealed class Waiting(IStore store, ExplainEvents events, IHostApplicationLifetime life, TimeProvider clock)
{
    private static readonly TimeSpan NowAndThen = TimeSpan.FromMilliseconds(500);

    /// <returns>The image's record; null when there is none after <paramref name="most"/>.</returns>
    public Task<Item?> ItemAsync(Guid owner, int number, TimeSpan most, CancellationToken cancel) =>
        UntilAsync(owner, () => store.Items.FindAsync(owner, number, cancel), item => item is not null, most, cancel);

    /// <returns>The job once it has ended, or as it stands after <paramref name="most"/>; null when there is no such job.</returns>
    public Task<Job?> JobAsync(Guid id, TimeSpan most, CancellationToken cancel) =>
        UntilAsync(id, () => store.Jobs.FindAsync(id, cancel), job => job is null or { State: JobState.Completed or JobState.Cancelled }, most, cancel);

    private async Task<T> UntilAsync<T>(Guid owner, Func<Task<T>> look, Func<T, bool> isIt, TimeSpan most, CancellationToken cancel)
    {
        var until = clock.GetUtcNow() + most;
        var heard = new SemaphoreSlim(0); // not disposed: an event that is being delivered may still release it
        using var stopping = life.ApplicationStopping.Register(() => heard.Release());
        using var listening = events.Subscribe(
            told => Release(told.Owner == owner),
            told => Release(told.JobId == owner));
        while (true)
        {
            var found = await look();
            var left = until - clock.GetUtcNow();
            if (isIt(found) || left <= TimeSpan.Zero || life.ApplicationStopping.IsCancellationRequested)
                return found;
            await heard.WaitAsync(left < NowAndThen ? left : NowAndThen, cancel);
        }

        void Release(bool mine)
        {
            if (mine)
                heard.Release();
        }
    }
}
