namespace AgCam.Worker.Chunks;

/// <summary>Time between the request to stop and the release of running chunks.</summary>
internal sealed class Drain
{
    private readonly CancellationTokenSource _over = new();
    private readonly CancellationToken _stopping;

    public Drain(CancellationToken cancellationToken, TimeSpan time)
    {
        _stopping = cancellationToken;
        cancellationToken.Register(() => _over.CancelAfter(time));
    }

    /// <summary>Whether the worker stops; no new chunk is leased.</summary>
    public bool HasBegun => _stopping.IsCancellationRequested;

    /// <summary>Cancelled when the time is over: running chunks are released.</summary>
    public CancellationToken Over => _over.Token;
}
