using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>
/// Weakly supervised localisation after Choe et al. (CVPR 2020): the share of images where a predicted box reaches a given IoU with a
/// ground-truth box, at every threshold. Shards merge in any order to the same digits. An image that is added twice counts once.
/// </summary>
/// <remarks>
/// A threshold that is chosen on the test images is optimistic. <see cref="MaxBoxAcc"/> and <see cref="MaxBoxAccV2"/> choose the best
/// threshold on these images, and their intervals are at that threshold. All others take a fixed threshold.
/// </remarks>
public sealed class BoxAccuracy
{
    /// <summary>IoU values of MaxBoxAccV2.</summary>
    public static readonly IReadOnlyList<double> Deltas = [0.3, 0.5, 0.7];

    internal const double UsualDelta = 0.5;
    internal const int LargestSeries = 3; // follows one series per delta: largest component, IoU 0.5
    private readonly IReadOnlyList<double> _thresholds;
    private readonly SortedDictionary<string, Row> _rows = new(StringComparer.Ordinal);

    /// <param name="thresholds">Thresholds of the sweep that produces the curves.</param>
    public BoxAccuracy(IReadOnlyList<double> thresholds) => _thresholds = thresholds;

    public int Images => _rows.Count;

    /// <param name="image">Key of the image, the same in every shard.</param>
    /// <param name="top1">True when the most probable class is the label.</param>
    /// <param name="top5">True when the label is among the five most probable classes.</param>
    /// <exception cref="ArgumentException">The curves are of another sweep, or the image was added with other results.</exception>
    public void Add(string image, SweepCurves curves, bool top1, bool top5)
    {
        if (curves.Best.Length != _thresholds.Count)
            throw new ArgumentException(
                $"{image}: the curves have {curves.Best.Length} thresholds, not {_thresholds.Count}.",
                nameof(curves)
            );
        AddHits(image, BoxHits.Of(curves), top1, top5);
    }

    /// <summary>Adds the hits that another process measured.</summary>
    public void AddHits(string image, BoxHits hits, bool top1, bool top5)
    {
        if (hits.Words != (_thresholds.Count + 63) / 64)
            throw new ArgumentException($"{image}: the hits are not of a sweep of {_thresholds.Count} thresholds.", nameof(hits));
        Add(image, new Row(hits, top1, top5));
    }

    /// <summary>Adds the images of another shard that has the same thresholds.</summary>
    public void Merge(BoxAccuracy other)
    {
        if (!_thresholds.SequenceEqual(other._thresholds))
            throw new ArgumentException("Box accuracies with different thresholds cannot be merged.", nameof(other));
        foreach (var (image, row) in other._rows)
            Add(image, row);
    }

    /// <summary>Returns the share of images whose largest component reaches IoU 0.5, at the best threshold on these images.</summary>
    public Interval MaxBoxAcc(Bootstrap? bootstrap = null)
    {
        var best = BestIndex(LargestSeries);
        return Mean(row => row.Hits[LargestSeries, best], bootstrap);
    }

    /// <summary>Threshold that <see cref="MaxBoxAcc"/> chose: the lowest of the best ones.</summary>
    public double MaxBoxAccThreshold => _thresholds[BestIndex(LargestSeries)];

    /// <summary>Returns the mean over IoU 0.3, 0.5 and 0.7 with all components, each at its best threshold on these images.</summary>
    public Interval MaxBoxAccV2(Bootstrap? bootstrap = null)
    {
        var best = Enumerable.Range(0, Deltas.Count).Select(BestIndex).ToArray();
        return (bootstrap ?? Bootstrap.Default).Mean([
            .. _rows.Values.Select(row => (double)best.Index().Count(b => row.Hits[b.Index, b.Item]) / best.Length),
        ]);
    }

    /// <summary>Returns the share of images whose largest component reaches IoU 0.5 at this threshold, with the class given.</summary>
    /// <param name="threshold">A threshold of the sweep.</param>
    public Interval GtKnownLoc(double threshold, Bootstrap? bootstrap = null) => Localized(threshold, _ => true, bootstrap);

    /// <summary>Returns <see cref="GtKnownLoc"/> restricted to images whose most probable class is the label.</summary>
    public Interval Top1Loc(double threshold, Bootstrap? bootstrap = null) => Localized(threshold, row => row.Top1, bootstrap);

    /// <summary>Returns <see cref="GtKnownLoc"/> restricted to images whose label is among the five most probable classes.</summary>
    public Interval Top5Loc(double threshold, Bootstrap? bootstrap = null) => Localized(threshold, row => row.Top5, bootstrap);

    /// <summary>
    /// Returns the share of images with a hit at each threshold: all components at one of <see cref="Deltas"/>, or the largest at 0.5.
    /// </summary>
    public double[] Curve(double delta, BoxSelection selection = BoxSelection.All)
    {
        var series =
            selection == BoxSelection.Largest && delta == UsualDelta ? LargestSeries
            : selection == BoxSelection.All && Deltas.Index().FirstOrDefault(d => d.Item == delta, (-1, 0)) is (>= 0 and var found, _)
                ? found
            : throw new ArgumentException($"No curve exists for IoU {delta} with {selection} components.", nameof(delta));
        return [.. Counts(series).Select(count => (double)count / _rows.Count)];
    }

    /// <summary>
    /// Returns each image's MaxBoxAcc, MaxBoxAccV2, GT-known, Top-1 and Top-5 Loc, in ordinal order of the keys. Paired comparisons use
    /// these values. Their means are the figures above.
    /// </summary>
    /// <param name="threshold">A threshold of the sweep, used by the last three.</param>
    public IEnumerable<(string Image, double[] Shares)> PerImage(double threshold)
    {
        if (_rows.Count == 0)
            yield break;
        var best = Enumerable.Range(0, Deltas.Count + 1).Select(BestIndex).ToArray();
        var index = Index(threshold);
        foreach (var (image, row) in _rows)
        {
            var known = row.Hits[LargestSeries, index];
            yield return (
                image,
                [
                    Share(row.Hits[LargestSeries, best[LargestSeries]]),
                    (double)Enumerable.Range(0, Deltas.Count).Count(i => row.Hits[i, best[i]]) / Deltas.Count,
                    Share(known),
                    Share(known && row.Top1),
                    Share(known && row.Top5),
                ]
            );
        }

        static double Share(bool hit) => hit ? 1 : 0;
    }

    private void Add(string image, Row row)
    {
        if (!_rows.TryAdd(image, row) && !_rows[image].Same(row))
            throw new ArgumentException($"{image} was already added with other results.", nameof(image));
    }

    private Interval Localized(double threshold, Func<Row, bool> counts, Bootstrap? bootstrap)
    {
        var index = Index(threshold);
        return Mean(row => counts(row) && row.Hits[LargestSeries, index], bootstrap);
    }

    private int Index(double threshold) =>
        _thresholds.Index().FirstOrDefault(t => Math.Abs(t.Item - threshold) < 1e-9, (-1, 0)) is (>= 0 and var index, _)
            ? index
            : throw new ArgumentException($"{threshold} is not among the {_thresholds.Count} thresholds of the sweep.", nameof(threshold));

    private Interval Mean(Func<Row, bool> hit, Bootstrap? bootstrap) =>
        (bootstrap ?? Bootstrap.Default).Mean([.. _rows.Values.Select(row => hit(row) ? 1.0 : 0.0)]);

    private int BestIndex(int series)
    {
        var counts = Counts(series);
        return Array.IndexOf(counts, counts.Max());
    }

    private int[] Counts(int series)
    {
        var counts = new int[_thresholds.Count];
        foreach (var row in _rows.Values)
            for (var i = 0; i < counts.Length; i++)
                counts[i] += row.Hits[series, i] ? 1 : 0;
        return counts;
    }

    private sealed record Row(BoxHits Hits, bool Top1, bool Top5)
    {
        public bool Same(Row other) => Top1 == other.Top1 && Top5 == other.Top5 && Hits.Same(other.Hits);
    }
}
