using System.Collections.Concurrent;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Chunks;

/// <summary>Says for every chunk in hand, three times in a lease, that its worker is alive.</summary>
internal sealed class Heartbeats(IStore store, TimeSpan lease, ILogger<Heartbeats> log)
{
    private readonly ConcurrentDictionary<ChunkLease, HeldLease> _held = new();

    /// <summary>Dispose it when the chunk is out of hand.</summary>
    public HeldLease Keep(ChunkLease held)
    {
        var kept = new HeldLease(held, () => _held.TryRemove(held, out _));
        _held[held] = kept;
        return kept;
    }

    /// <summary>Whether this process has the chunk in hand.</summary>
    public bool Holds(Guid owner, int number) => _held.Keys.Any(held => held.Owner == owner && held.Number == number);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(lease / 3);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
                foreach (var held in _held.Values)
                    _ = BeatAsync(held, cancellationToken); // none waits for another: a call may hang
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested) { }
    }

    private async Task BeatAsync(HeldLease held, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(lease / 3);
        try
        {
            if (!await store.Chunks.HeartbeatAsync(held.Lease, lease, limit.Token).WaitAsync(limit.Token))
                held.Lose();
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested) { }
        catch (Exception e) // the lease outlasts a beat or two
        {
            log.LogWarning("No heartbeat for chunk {Chunk} of {Owner}: {Reason}", held.Lease.Number, held.Lease.Owner, e.Message);
        }
    }
}

/// <summary>A lease that is being kept.</summary>
internal sealed class HeldLease(ChunkLease lease, Action letGo) : IDisposable
{
    private readonly CancellationTokenSource _lost = new();

    public ChunkLease Lease => lease;

    /// <summary>Another worker has the chunk: stop.</summary>
    public CancellationToken Lost => _lost.Token;

    public void Lose() => _lost.Cancel();

    public void Dispose() => letGo(); // the source stays: a beat may be under way
}
