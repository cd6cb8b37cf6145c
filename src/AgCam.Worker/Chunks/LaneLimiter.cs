using AgCam.Pipeline.Messages;

namespace AgCam.Worker.Chunks;

/// <summary>Limits concurrent work separately for each lane, so that interactive work never waits for bulk work.</summary>
internal sealed class LaneLimiter(int maximum)
{
    private readonly SemaphoreSlim _interactive = new(maximum, maximum),
        _bulk = new(maximum, maximum);

    /// <returns>Dispose it to release the place.</returns>
    public async ValueTask<Place> EnterAsync(Lane lane, CancellationToken cancellationToken)
    {
        var places = lane == Lane.Interactive ? _interactive : _bulk;
        await places.WaitAsync(cancellationToken);
        return new Place(places);
    }

    internal readonly struct Place(SemaphoreSlim places) : IDisposable
    {
        public void Dispose() => places.Release();
    }
}
