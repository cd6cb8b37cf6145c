using AgCam.Pipeline.Messages;

namespace AgCam.Worker.Batching;

/// <summary>Images that wait for the device. Whoever takes gets images that share a pass: the oldest that somebody waits for, else the oldest, and what goes along with it.</summary>
internal sealed class BatchQueue(int maxBatch, TimeSpan maxDelay)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<ImageWork> _interactive = new();
    private readonly LinkedList<ImageWork> _bulk = new();
    private readonly SemaphoreSlim _arrived = new(0);

    public void Add(ImageWork work)
    {
        lock (_lock)
            (work.Lane == Lane.Interactive ? _interactive : _bulk).AddLast(work);
        _arrived.Release();
    }

    /// <summary>Waits for an image, and then a little for others to go along.</summary>
    public async Task<IReadOnlyList<ImageWork>> TakeAsync(CancellationToken cancel)
    {
        while (true)
        {
            await _arrived.WaitAsync(cancel);
            while (true)
            {
                TimeSpan left;
                lock (_lock)
                {
                    if ((_interactive.First ?? _bulk.First)?.Value is not { } first)
                        break; // taken along with an earlier batch
                    left = maxDelay - TimeProvider.System.GetElapsedTime(first.Arrived);
                    if (left <= TimeSpan.Zero || Count(first) >= maxBatch)
                        return Take(first);
                }
                await _arrived.WaitAsync(left, cancel);
            }
        }
    }

    private int Count(ImageWork first)
    {
        var count = 0;
        foreach (var lane in new[] { _interactive, _bulk })
            for (var node = lane.First; node is not null && count < maxBatch; node = node.Next)
                count += node.Value.Plan.SharesPassWith(first.Plan) ? 1 : 0;
        return count;
    }

    private List<ImageWork> Take(ImageWork first)
    {
        var batch = new List<ImageWork>(maxBatch);
        foreach (var lane in new[] { _interactive, _bulk })
            for (var node = lane.First; node is not null && batch.Count < maxBatch;)
            {
                var next = node.Next;
                if (node.Value.Plan.SharesPassWith(first.Plan))
                {
                    lane.Remove(node);
                    if (node.Value.TryTake())
                        batch.Add(node.Value);
                }
                node = next;
            }
        if (_interactive.Count + _bulk.Count > 0)
            _arrived.Release(); // the permits of what is left may have been used up while waiting for company
        return batch;
    }
}
