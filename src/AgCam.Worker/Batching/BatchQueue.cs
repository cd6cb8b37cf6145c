using AgCam.Pipeline.Messages;

namespace AgCam.Worker.Batching;

/// <summary>Images that wait for the device. Whoever takes gets images that share a pass: the oldest that somebody waits for, else the oldest, and what goes along with it.</summary>
internal sealed class BatchQueue(int maxBatch, TimeSpan maxDelay)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<ImageWork> _interactive = new();
    private readonly LinkedList<ImageWork> _bulk = new();
    private readonly SemaphoreSlim _wake = new(0, 1);
    private int _wakeAt = 1;

    public void Add(ImageWork work)
    {
        lock (_lock)
        {
            (work.Lane == Lane.Interactive ? _interactive : _bulk).AddLast(work);
            // One wake-up for a batch, not one for each image: a thread switch costs as much as storing the image.
            if ((work.Lane == Lane.Interactive || _interactive.Count + _bulk.Count >= _wakeAt) && _wake.CurrentCount == 0)
                _wake.Release();
        }
    }

    /// <summary>Waits for an image, and then a little for others to go along. For one taker at a time.</summary>
    public async Task<IReadOnlyList<ImageWork>> TakeAsync(CancellationToken cancel)
    {
        while (true)
        {
            var wait = Timeout.InfiniteTimeSpan;
            lock (_lock)
            {
                var waiting = _interactive.Count + _bulk.Count;
                if ((_interactive.First ?? _bulk.First)?.Value is { } first)
                {
                    var left = maxDelay - TimeProvider.System.GetElapsedTime(first.Arrived);
                    if (left <= TimeSpan.Zero || Count(first) >= maxBatch)
                        return Take(first);
                    wait = TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
                }
                _wakeAt = waiting == 0 ? 1 : Math.Max(maxBatch, waiting + 1);
            }
            await _wake.WaitAsync(wait, cancel);
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
                    batch.Add(node.Value);
                    lane.Remove(node);
                }
                node = next;
            }
        return batch;
    }
}
