using System.Collections.Concurrent;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Logging;

namespace AgCam.Worker.Chunks;

/// <summary>Extends the leases of running chunks, three times in the duration of a lease.</summary>
internal sealed class Heartbeats(IStore store, TimeSpan lease, ILogger<Heartbeats> log)
{
    private readonly ConcurrentDictionary<ChunkLease, HeldLease> _held = new();

    /// <summary>Extends the lease until the result is disposed.</summary>
    public HeldLease Keep(ChunkLease held)
    {
        var kept = new HeldLease(held, () => _held.TryRemove(held, out _));
        _held[held] = kept;
        return kept;
    }

    /// <summary>Returns whether this process holds a lease of the chunk.</summary>
    public bool Holds(Guid owner, int number) => _held.Keys.Any(held => held.Owner == owner && held.Number == number);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(lease / 3);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
                foreach (var held in _held.Values)
                    _ = BeatAsync(held, cancellationToken); // not awaited: one call that hangs must not delay the others
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
        catch (Exception e) // the lease outlasts two missed heartbeats
        {
            log.LogWarning(
                "Could not extend the lease of chunk {Chunk} of {Owner}: {Reason}",
                held.Lease.Number,
                held.Lease.Owner,
                e.Message
            );
        }
    }
}

/// <summary>A lease that heartbeats extend.</summary>
internal sealed class HeldLease(ChunkLease lease, Action release) : IDisposable
{
    private readonly CancellationTokenSource _lost = new();

    public ChunkLease Lease => lease;

    /// <summary>Cancelled when another worker has the chunk.</summary>
    public CancellationToken Lost => _lost.Token;

    public void Lose() => _lost.Cancel();

    public void Dispose() => release(); // the source is not disposed: a heartbeat may still use it
}
