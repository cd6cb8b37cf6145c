using System.Collections.Concurrent;
using AgCam.Pipeline.Messages;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// What this process hears of the work: a wake-up, not a record. After a broker restart something may have gone unheard, so whoever
/// waits looks into the
/// store as well, now and then.
/// </summary>
/// <param name="log">Gets the failures of subscribers. Null drops them.</param>
public sealed class ExplainEvents(ILogger<ExplainEvents>? log = null)
{
    private readonly ConcurrentDictionary<long, Listener> _listeners = new();
    private long _last;

    /// <summary>Both are called on the bus's threads: return at once. What they throw is logged and reaches nobody else.</summary>
    /// <returns>Dispose it to unsubscribe. An event that is being delivered meanwhile may still arrive afterwards.</returns>
    public IDisposable Subscribe(Action<ChunkExplained>? explained, Action<JobCompleted>? completed = null)
    {
        var listener = new Listener(this, Interlocked.Increment(ref _last), explained, completed);
        _listeners[listener.Number] = listener;
        return listener;
    }

    /// <summary>
    /// Waits until a chunk of <paramref name="owner"/> has been explained, but not longer than <paramref name="maximum"/>.
    /// </summary>
    /// <returns>Whether one was.</returns>
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

    /// <summary>The publisher is a worker in the middle of a chunk: no subscriber's failure may requeue that.</summary>
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
