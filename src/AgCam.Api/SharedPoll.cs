namespace AgCam.Api;

/// <summary>Polls the store once per id for all waiters of that id: at an interval, and at once after an event.</summary>
internal sealed class SharedPoll<T>(Func<Guid, CancellationToken, Task<T>> look)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    /// <summary>Minimum time between two polls that events cause.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, Poll> _polls = [];
    private bool _isStopped;

    /// <summary>Starts to watch. Read the store once after this call, so that no change is missed.</summary>
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

    /// <summary>Polls the store for <paramref name="id"/> now. Returns at once.</summary>
    public void Wake(Guid id)
    {
        lock (_lock)
        {
            if (_polls.TryGetValue(id, out var poll))
                poll.Wake();
        }
    }

    /// <summary>Releases all waiters, now and from now on.</summary>
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

    /// <summary>Returns a failed task when the call itself throws.</summary>
    private async Task<T> LookAsync(Guid id) => await look(id, CancellationToken.None);

    internal sealed class Poll
    {
        public int Watchers { get; set; }

        public long Looks { get; set; }

        public Task<T>? Latest { get; set; }

        public SemaphoreSlim Woken { get; } = new(0);

        public TaskCompletionSource Changed { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Must be called under the lock.</summary>
        public void Wake()
        {
            if (Woken.CurrentCount == 0)
                Woken.Release();
        }
    }

    /// <summary>One waiter. Dispose it to stop waiting.</summary>
    internal sealed class Watch : IDisposable
    {
        private readonly SharedPoll<T> _polls;
        private readonly Poll _poll;
        private long _seen;

        public Watch(SharedPoll<T> polls, Poll poll) => (_polls, _poll, _seen) = (polls, poll, poll.Looks);

        /// <summary>Waits for the next poll that this watcher has not seen, at most <paramref name="limit"/>.</summary>
        /// <returns>The result of the poll; <paramref name="known"/> when there was none in time or the process stops.</returns>
        /// <exception cref="Exception">The poll failed.</exception>
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
