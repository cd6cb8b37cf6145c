using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Security;

/// <summary>
/// Limits the accepted requests that have no result yet, in all and per key. An in-memory bus has no back pressure, so requests are
/// refused here.
/// </summary>
internal sealed class Admission : IDisposable
{
    /// <summary>Minimum time between two checks of all pending requests in the store.</summary>
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    private readonly int _limit;
    private readonly int _perKey;
    private readonly IStore _store;
    private readonly TimeProvider _clock;
    private readonly IDisposable _listening;
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, Pending> _pending = [];
    private readonly SemaphoreSlim _counting = new(1, 1);
    private long? _looked;

    /// <param name="perKey">Limit of one key.</param>
    public Admission(int limit, int perKey, IStore store, ExplainEvents events, TimeProvider clock)
    {
        (_limit, _perKey, _store, _clock) = (limit, perKey, store, clock);
        _listening = events.Subscribe(explained => Leave(explained.Owner));
    }

    /// <returns>
    /// Null when the request is admitted: call <see cref="Accepted"/> once it is stored, and <see cref="Leave"/> when its result is there
    /// or it was not accepted. Otherwise the limit that is reached.
    /// </returns>
    public async Task<string?> EnterAsync(Guid request, string key, CancellationToken cancellationToken)
    {
        if (TryEnter(request, key) is null)
            return null;
        await ForgetDoneAsync(cancellationToken);
        return TryEnter(request, key);
    }

    /// <summary>Marks the request as stored: from now on the store is asked whether it is done.</summary>
    public void Accepted(Guid request)
    {
        lock (_lock)
        {
            if (_pending.TryGetValue(request, out var pending))
                pending.IsStored = true;
        }
    }

    public void Leave(Guid request)
    {
        lock (_lock)
            _pending.Remove(request);
    }

    public void Dispose()
    {
        _listening.Dispose();
        _counting.Dispose();
    }

    private string? TryEnter(Guid request, string key)
    {
        lock (_lock)
        {
            if (_pending.ContainsKey(request))
                return null;
            if (_pending.Count >= _limit)
                return $"{_limit} requests are waiting for a result already";
            if (_pending.Values.Count(pending => pending.Key == key) >= _perKey)
                return $"{_perKey} requests of the key are waiting for a result already";
            _pending.Add(request, new Pending(key));
            return null;
        }
    }

    /// <summary>Removes the requests whose result is stored. Their events may have been lost.</summary>
    private async Task ForgetDoneAsync(CancellationToken cancellationToken)
    {
        if (!await _counting.WaitAsync(0, cancellationToken))
            return; // another caller is checking
        try
        {
            if (_looked is { } looked && _clock.GetElapsedTime(looked) < BetweenLooks)
                return;
            _looked = _clock.GetTimestamp();
            foreach (var request in Stored())
                if (
                    await _store.Items.FindAsync(request, 0, cancellationToken) is not null
                    || await _store.Chunks.FindAsync(request, 0, cancellationToken) is null
                )
                    Leave(request);
        }
        finally
        {
            _counting.Release();
        }
    }

    private List<Guid> Stored()
    {
        lock (_lock)
            return [.. _pending.Where(pending => pending.Value.IsStored).Select(pending => pending.Key)];
    }

    private sealed class Pending(string key)
    {
        public string Key { get; } = key;

        public bool IsStored { get; set; }
    }
}
