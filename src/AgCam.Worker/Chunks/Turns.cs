namespace AgCam.Worker.Chunks;

/// <summary>
/// Chunks run together, but one that has brought a worker down runs alone: if it does so again, it takes no other with it.
/// </summary>
internal sealed class Turns
{
    private readonly Lock _lock = new();
    private readonly Queue<TaskCompletionSource> _waitingTogether = new();
    private readonly Queue<TaskCompletionSource> _waitingAlone = new();
    private int _together;
    private bool _alone;

    public Task EnterAsync()
    {
        lock (_lock)
        {
            if (!_alone && _waitingAlone.Count == 0)
            {
                _together++;
                return Task.CompletedTask;
            }
            return EnqueueAsync(_waitingTogether);
        }
    }

    public void Leave()
    {
        lock (_lock)
        {
            _together--;
            Next();
        }
    }

    /// <summary>From being one of many to being alone. Leave with <see cref="LeaveExclusive"/>.</summary>
    public Task BecomeExclusiveAsync()
    {
        lock (_lock)
        {
            _together--;
            var turn = EnqueueAsync(_waitingAlone);
            Next();
            return turn;
        }
    }

    public void LeaveExclusive()
    {
        lock (_lock)
        {
            _alone = false;
            Next();
        }
    }

    private static Task EnqueueAsync(Queue<TaskCompletionSource> queue)
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        queue.Enqueue(turn);
        return turn.Task;
    }

    private void Next()
    {
        if (_alone)
            return;
        if (_waitingAlone.Count > 0)
        {
            if (_together > 0)
                return;
            _alone = true;
            _waitingAlone.Dequeue().SetResult();
            return;
        }
        while (_waitingTogether.TryDequeue(out var turn))
        {
            _together++;
            turn.SetResult();
        }
    }
}
