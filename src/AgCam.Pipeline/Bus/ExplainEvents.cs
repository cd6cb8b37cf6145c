using System.Collections.Concurrent;
using AgCam.Pipeline.Messages;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// Delivers events to this process's subscribers. An event is a wake-up, not a record: it may be lost while the broker restarts,
/// so a waiter also polls the store.
/// </summary>
/// <param name="log">Logs the failures of subscribers. Null drops them.</param>
public sealed class ExplainEvents(ILogger<ExplainEvents>? log = null)
{
    private readonly ConcurrentDictionary<long, Listener> _listeners = new();
    private long _last;

    /// <summary>Subscribes to events. Handlers run on the bus's threads and must return at once; their exceptions are logged.</summary>
    /// <returns>Dispose it to unsubscribe. An event that is being delivered may still arrive afterwards.</returns>
    public IDisposable Subscribe(Action<ChunkExplained>? explained, Action<JobCompleted>? completed = null)
    {
        var listener = new Listener(this, Interlocked.Increment(ref _last), explained, completed);
        _listeners[listener.Number] = listener;
        return listener;
    }

    /// <summary>Waits until a chunk of <paramref name="owner"/> is explained, for <paramref name="maximum"/> at most.</summary>
    /// <returns>False when the time is over.</returns>
    public async Task<bool> WaitAsync(Guid owner, TimeSpan maximum, CancellationToken cancellationToken = default)
    {
        var subscriber = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var listening = Subscribe(message =>
        {
            if (message.Owner == owner)
                subscriber.TrySetResult();
        });
        return await Task.WhenAny(subscriber.Task, Task.Delay(maximum, cancellationToken)) == subscriber.Task;
    }

    internal void Dispatch(ChunkExplained message) => Deliver(listener => listener.Explained?.Invoke(message));

    internal void Dispatch(JobCompleted message) => Deliver(listener => listener.Completed?.Invoke(message));

    /// <summary>Logs a subscriber's failure. In memory the publisher is the worker, whose chunk must not be requeued for it.</summary>
    private void Deliver(Action<Listener> deliver)
    {
        foreach (var listener in _listeners.Values)
        {
            try
            {
                deliver(listener);
            }
            catch (Exception e)
            {
                log?.LogWarning(e, "A subscriber failed to handle an event: {Reason}", e.Message);
            }
        }
    }

    private sealed record Listener(ExplainEvents Events, long Number, Action<ChunkExplained>? Explained, Action<JobCompleted>? Completed)
        : IDisposable
    {
        public void Dispose() => Events._listeners.TryRemove(Number, out _);
    }
}
