namespace AgCam.Worker.Batching;

/// <summary>
/// Batches that are explained share the device, as many as there are lanes; what is measured has it alone. First come, first served:
/// neither keeps the other out.
/// </summary>
internal sealed class DeviceTurns
{
    private readonly Lock _lock = new();
    private readonly Queue<(TaskCompletionSource Turn, bool Alone)> _waiting = new();
    private int _sharing;
    private bool _alone;

    /// <exception cref="OperationCanceledException">It was cancelled before its turn came.</exception>
    public async Task EnterAsync(bool alone, CancellationToken cancellationToken)
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _waiting.Enqueue((turn, alone));
            Next();
        }
        await using var cancelling = cancellationToken.Register(() =>
        {
            lock (_lock)
                if (turn.TrySetCanceled(cancellationToken))
                    Next(); // others may have stood behind it
        });
        await turn.Task;
    }

    public void Leave(bool alone)
    {
        lock (_lock)
        {
            if (alone)
                _alone = false;
            else
                _sharing--;
            Next();
        }
    }

    private void Next()
    {
        while (!_alone && _waiting.TryPeek(out var first))
        {
            if (first.Alone && _sharing > 0 && !first.Turn.Task.IsCanceled)
                return;
            _waiting.Dequeue();
            if (!first.Turn.TrySetResult())
                continue; // cancelled
            _alone = first.Alone;
            _sharing += first.Alone ? 0 : 1;
        }
    }
}
