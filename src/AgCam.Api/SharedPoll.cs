namespace AgCam.Api;

/// <summary>
/// Looks into the store for all who wait for the same thing: once in a while per id, however many wait, and at once when something was
/// heard of it.
/// </summary>
internal sealed class SharedPoll<T>(Func<Guid, CancellationToken, Task<T>> look)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    /// <summary>Of news that come in a stream not each is a look of its own.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, Poll> _polls = [];
    private bool _isStopped;

    /// <summary>Begins to watch. Look once yourself after that: then nothing is missed.</summary>
    public Watch Join(Guid id)
    {
        lock (_lock)
        {
            if (!_polls.TryGetValue(id, out var poll))
            {
                poll = _polls[id] = new Poll();
                _ = RunAsync(id, poll);
            }
            poll.Watchers++;
            return new Watch(this, poll);
        }
    }

    /// <summary>Has those who watch <paramref name="id"/> see the store now. Returns at once.</summary>
    public void Wake(Guid id)
    {
        lock (_lock)
        {
            if (_polls.TryGetValue(id, out var poll))
                poll.Wake();
        }
    }

    /// <summary>Lets everybody go: who waits is told that there is nothing new, now and from now on.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _isStopped = true;
            foreach (var poll in _polls.Values)
                poll.Changed.TrySetResult();
        }
    }

    private async Task RunAsync(Guid id, Poll poll)
    {
        while (true)
        {
            await poll.Woken.WaitAsync(Period);
            lock (_lock)
            {
                if (poll.Watchers == 0)
                {
                    _polls.Remove(id);
                    return;
                }
            }
            var found = LookAsync(id);
            await ((Task)found).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            lock (_lock)
            {
                (poll.Latest, poll.Looks) = (found, poll.Looks + 1);
                poll.Changed.TrySetResult();
                if (!_isStopped)
                    poll.Changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
            await Task.Delay(Pause);
        }
    }

    /// <summary>As a task that fails, also where the call itself does.</summary>
    private async Task<T> LookAsync(Guid id) => await look(id, CancellationToken.None);

    internal sealed class Poll
    {
        public int Watchers { get; set; }

        public long Looks { get; set; }

        public Task<T>? Latest { get; set; }

        public SemaphoreSlim Woken { get; } = new(0);

        public TaskCompletionSource Changed { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Under the lock: no two callers count at the same time.</summary>
        public void Wake()
        {
            if (Woken.CurrentCount == 0)
                Woken.Release();
        }
    }

    /// <summary>One who waits. Dispose it to wait no more.</summary>
    internal sealed class Watch : IDisposable
    {
        private readonly SharedPoll<T> _polls;
        private readonly Poll _poll;
        private long _seen;

        public Watch(SharedPoll<T> polls, Poll poll) => (_polls, _poll, _seen) = (polls, poll, poll.Looks);

        /// <summary>Waits for the next look that this watcher has not seen, but not longer than <paramref name="limit"/>.</summary>
        /// <returns>What it found; <paramref name="known"/> when there was none in that time, or the process stops.</returns>
        /// <exception cref="Exception">The look's own.</exception>
        public async Task<T> NextAsync(T known, TimeSpan limit, CancellationToken cancellationToken)
        {
            Task changed;
            lock (_polls._lock)
                changed = _poll.Looks > _seen || _polls._isStopped ? Task.CompletedTask : _poll.Changed.Task;
            try
            {
                await changed.WaitAsync(limit, cancellationToken);
            }
            catch (TimeoutException)
            {
                return known;
            }
            Task<T>? latest;
            lock (_polls._lock)
            {
                latest = _poll.Looks > _seen ? _poll.Latest : null;
                _seen = _poll.Looks;
            }
            return latest is null ? known : await latest;
        }

        public void Dispose()
        {
            lock (_polls._lock)
            {
                if (--_poll.Watchers == 0)
                    _poll.Wake(); // its loop ends
            }
        }
    }
}
