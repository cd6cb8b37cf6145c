using AgCam.Pipeline.Messages;

namespace AgCam.Worker.Chunks;

/// <summary>So many of each lane at a time: who waits for an answer never stands behind the bulk lane's images.</summary>
internal sealed class LaneLimiter(int places)
{
    private readonly SemaphoreSlim _interactive = new(places, places),
        _bulk = new(places, places);

    /// <returns>Dispose it to leave.</returns>
    public async ValueTask<Turn> EnterAsync(Lane lane, CancellationToken cancellationToken)
    {
        var gate = lane == Lane.Interactive ? _interactive : _bulk;
        await gate.WaitAsync(cancellationToken);
        return new Turn(gate);
    }

    internal readonly struct Turn(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}
