using AgCam.Pipeline.Messages;

namespace AgCam.Worker.Batching;

/// <summary>
/// Images that wait for the device. Whoever takes gets images that share a pass: the oldest that somebody waits for, else the oldest,
/// and what goes along with it. While people ask
/// for answers batches are short, since an image that comes while one is computed has to wait for its end.
/// </summary>
internal sealed class BatchQueue(int maxBatch, TimeSpan maxDelay)
{
    /// <summary>Of a batch while people ask, and how long after the last asked it stays so.</summary>
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(10),
        Asking = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly LinkedList<ImageWork> _interactive = new();
    private readonly LinkedList<ImageWork> _bulk = new();
    private readonly SemaphoreSlim _wake = new(0, 1),
        _taker = new(1);
    private int _wakeAt = 1;
    private long? _asked;
    private TimeSpan _anImage;

    public void Add(ImageWork work)
    {
        lock (_lock)
        {
            if (work.Lane == Lane.Interactive)
                _asked = work.Arrived;
            (work.Lane == Lane.Interactive ? _interactive : _bulk).AddLast(work);
            // One wake-up for a batch, not one for each image: a thread switch costs as much as storing the image.
            if ((work.Lane == Lane.Interactive || _interactive.Count + _bulk.Count >= _wakeAt) && _wake.CurrentCount == 0)
                _wake.Release();
        }
    }

    /// <summary>Waits for an image, and then a little for others to go along. Several takers wait for one another.</summary>
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
                    if (left <= TimeSpan.Zero || Count(first) >= Most())
                        return Take(first);
                    wait = TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
                }
                _wakeAt = waiting == 0 ? 1 : Math.Max(Most(), waiting + 1);
            }
            await _wake.WaitAsync(wait, cancellationToken);
        }
    }

    /// <summary>The device tells how long a batch took.</summary>
    public void Took(TimeSpan time, int images)
    {
        lock (_lock)
            _anImage = time / images;
    }

    private int Most() =>
        _asked is { } asked && _anImage > TimeSpan.Zero && TimeProvider.System.GetElapsedTime(asked) < Asking
            ? (int)Math.Clamp(Short / _anImage, 1, maxBatch)
            : maxBatch;

    private int Count(ImageWork first)
    {
        var (count, maximum) = (0, Most());
        foreach (var lane in new[] { _interactive, _bulk })
            for (var node = lane.First; node is not null && count < maximum; node = node.Next)
                count += node.Value.Plan.SharesPassWith(first.Plan) ? 1 : 0;
        return count;
    }

    private List<ImageWork> Take(ImageWork first)
    {
        var maximum = Most();
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
