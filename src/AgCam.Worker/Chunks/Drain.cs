namespace AgCam.Worker.Chunks;

/// <summary>From the wish to stop until chunks in hand are given back.</summary>
internal sealed class Drain
{
    private readonly CancellationTokenSource _over = new();
    private readonly CancellationToken _begun;

    public Drain(CancellationToken cancellationToken, TimeSpan time)
    {
        _begun = cancellationToken;
        cancellationToken.Register(() => _over.CancelAfter(time));
    }

    /// <summary>No new chunk is begun.</summary>
    public bool HasBegun => _begun.IsCancellationRequested;

    /// <summary>The time is up.</summary>
    public CancellationToken Over => _over.Token;
}
