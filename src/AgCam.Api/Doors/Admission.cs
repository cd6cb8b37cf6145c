using System.Collections.Concurrent;
using AgCam.Pipeline.Stores;

namespace AgCam.Api.Doors;

/// <summary>
/// How much this process has accepted that has no result yet. A bus in memory pushes back on nobody, so the door must: better to turn a caller away
/// than to take what will not be done soon.
/// </summary>
internal sealed class Admission(int limit, IStore store)
{
    private readonly ConcurrentDictionary<Guid, byte> _pending = new();
    private readonly SemaphoreSlim _counting = new(1, 1);

    /// <returns>Whether the request may come; call <see cref="Leave"/> when its result is there, or when it was not accepted after all.</returns>
    public async Task<bool> EnterAsync(Guid request, CancellationToken cancel)
    {
        if (_pending.Count >= limit)
            await ForgetDoneAsync(cancel);
        if (_pending.Count >= limit)
            return false;
        _pending.TryAdd(request, 0);
        return true;
    }

    public void Leave(Guid request) => _pending.TryRemove(request, out _);

    /// <summary>Nobody may have waited for a result: whether it is there, the store knows.</summary>
    private async Task ForgetDoneAsync(CancellationToken cancel)
    {
        if (!await _counting.WaitAsync(0, cancel))
            return; // another caller is at it
        try
        {
            foreach (var request in _pending.Keys)
                if (await store.Items.FindAsync(request, 0, cancel) is not null || await store.Chunks.FindAsync(request, 0, cancel) is null)
                    Leave(request);
        }
        finally
        {
            _counting.Release();
        }
    }
}
