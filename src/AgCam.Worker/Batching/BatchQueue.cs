using AgCam.Pipeline.Messages;

namespace AgCam.Worker.Batching;

/// <summary>
/// Queues images for the device. A batch holds images that can share a forward pass, interactive ones first, oldest first.
/// Batches are short while callers wait, since a new image waits for the end of the batch before it.
/// </summary>
internal sealed class BatchQueue(int maxBatch, TimeSpan maxDelay)
{
    /// <summary>Target duration of a batch while callers wait.</summary>
    private static readonly TimeSpan ShortBatch = TimeSpan.FromMilliseconds(10);

    /// <summary>Time for which batches stay short after the last interactive image.</summary>
    private static readonly TimeSpan ShortPeriod = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly LinkedList<ImageWork> _interactive = new();
    private readonly LinkedList<ImageWork> _bulk = new();
    private readonly SemaphoreSlim _wake = new(0, 1),
        _taker = new(1);
    private int _wakeAt = 1;
    private long? _lastInteractive;
    private TimeSpan _timePerImage;

    public void Add(ImageWork work)
    {
        lock (_lock)
        {
            if (work.Lane == Lane.Interactive)
                _lastInteractive = work.Arrived;
            (work.Lane == Lane.Interactive ? _interactive : _bulk).AddLast(work);
            // One wake-up a batch: a thread switch costs as much as storing an image.
            if ((work.Lane == Lane.Interactive || _interactive.Count + _bulk.Count >= _wakeAt) && _wake.CurrentCount == 0)
                _wake.Release();
        }
    }

    /// <summary>Returns the next batch: waits for an image, then up to the maximum delay for others. One taker waits at a time.</summary>
    public async Task<IReadOnlyList<ImageWork>> TakeAsync(CancellationToken cancellationToken)
    {
        await _taker.WaitAsync(cancellationToken);
        try
        {
            return await TakeNextAsync(cancellationToken);
        }
        finally
        {
            _taker.Release();
        }
    }

    private async Task<IReadOnlyList<ImageWork>> TakeNextAsync(CancellationToken cancellationToken)
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
                    if (left <= TimeSpan.Zero || Count(first) >= MaxImages())
                        return Take(first);
                    wait = TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
                }
                _wakeAt = waiting == 0 ? 1 : Math.Max(MaxImages(), waiting + 1);
            }
            await _wake.WaitAsync(wait, cancellationToken);
        }
    }

    /// <summary>Records how long a batch took on the device.</summary>
    public void Took(TimeSpan time, int images)
    {
        lock (_lock)
            _timePerImage = time / images;
    }

    private int MaxImages() =>
        _lastInteractive is { } last && _timePerImage > TimeSpan.Zero && TimeProvider.System.GetElapsedTime(last) < ShortPeriod
            ? (int)Math.Clamp(ShortBatch / _timePerImage, 1, maxBatch)
            : maxBatch;

    private int Count(ImageWork first)
    {
        var (count, maximum) = (0, MaxImages());
        foreach (var lane in new[] { _interactive, _bulk })
            for (var node = lane.First; node is not null && count < maximum; node = node.Next)
                count += node.Value.Plan.SharesPassWith(first.Plan) ? 1 : 0;
        return count;
    }

    private List<ImageWork> Take(ImageWork first)
    {
        var maximum = MaxImages();
        var batch = new List<ImageWork>(maximum);
        foreach (var lane in new[] { _interactive, _bulk })
            for (var node = lane.First; node is not null && batch.Count < maximum; )
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
        return batch;
    }
}
