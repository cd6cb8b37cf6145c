namespace AgCam.Audit;

/// <summary>Keeps the images with the lowest scores; of equal scores, those with the lowest numbers.</summary>
/// <param name="limit">Maximum number of images. Null keeps all.</param>
internal sealed class WorstImages(int? limit)
{
    // The best of the kept images comes first, because it is the first to be replaced.
    private readonly PriorityQueue<ListedImage, (double Score, long Number)> _kept = new(
        Comparer<(double Score, long Number)>.Create((left, right) => right.CompareTo(left))
    );

    /// <param name="create">Called only when the image is kept.</param>
    public void Add(double score, long number, Func<ListedImage> create)
    {
        if (_kept.Count < (limit ?? int.MaxValue))
            _kept.Enqueue(create(), (score, number));
        else if (_kept.TryPeek(out _, out var best) && (score, number).CompareTo(best) < 0)
            _kept.EnqueueDequeue(create(), (score, number));
    }

    /// <summary>Returns the kept images, lowest score first.</summary>
    public IReadOnlyList<ListedImage> Ranked() => [.. _kept.UnorderedItems.OrderBy(entry => entry.Priority).Select(entry => entry.Element)];
}
