using AgCam.Heatmaps;

namespace AgCam.Metrics;

/// <summary>
/// Weakly supervised localisation as Choe et al. (CVPR 2020) measure it: the share of images where a predicted box meets a ground-truth
/// box with
/// at least a given IoU, at every threshold. Shards merge in any order to the same digits; an image that arrives twice counts once.
/// </summary>
/// <remarks>
/// A threshold that was chosen on the images it is judged by flatters. So each figure says its policy: <see cref="MaxBoxAcc"/> and
/// <see cref="MaxBoxAccV2"/> choose the best threshold on these very images (intervals are at that threshold); the others are given one.
/// </remarks>
public sealed class BoxAccuracy
{
    /// <summary>The IoUs of MaxBoxAccV2.</summary>
    public static readonly IReadOnlyList<double> Deltas = [0.3, 0.5, 0.7];

    internal const double UsualDelta = 0.5;
    internal const int LargestSeries = 3; // after one series for each delta: largest component, IoU 0.5
    private readonly IReadOnlyList<double> _thresholds;
    private readonly SortedDictionary<string, Row> _rows = new(StringComparer.Ordinal);

    /// <param name="thresholds">Those of the sweep that gives the curves.</param>
    public BoxAccuracy(IReadOnlyList<double> thresholds) => _thresholds = thresholds;

    public int Images => _rows.Count;

    /// <param name="image">A key that names the image in every shard.</param>
    /// <param name="top1">Whether the model's first class is the label.</param>
    /// <param name="top5">Whether the label is among the model's first five classes.</param>
    /// <exception cref="ArgumentException">Curves of another sweep, or the image is there with other results.</exception>
    public void Add(string image, SweepCurves curves, bool top1, bool top5)
    {
        if (curves.Best.Length != _thresholds.Count)
            throw new ArgumentException(
                $"{image}: curves of {curves.Best.Length} thresholds, but there are {_thresholds.Count}.",
                nameof(curves)
            );
        AddHits(image, BoxHits.Of(curves), top1, top5);
    }

    /// <summary>Adds what another process measured: hits as it wrote them.</summary>
    public void AddHits(string image, BoxHits hits, bool top1, bool top5)
    {
        if (hits.Words != (_thresholds.Count + 63) / 64)
            throw new ArgumentException($"{image}: hits of another sweep than one of {_thresholds.Count} thresholds.", nameof(hits));
        Add(image, new Row(hits, top1, top5));
    }

    /// <summary>Takes in what another shard measured with the same thresholds.</summary>
    public void Merge(BoxAccuracy other)
    {
        if (!_thresholds.SequenceEqual(other._thresholds))
            throw new ArgumentException("Box accuracies of different thresholds do not merge.", nameof(other));
        foreach (var (image, row) in other._rows)
            Add(image, row);
    }

    /// <summary>Largest component only, IoU 0.5, at the threshold that is best on these images.</summary>
    public Interval MaxBoxAcc(Bootstrap? bootstrap = null)
    {
        var best = BestIndex(LargestSeries);
        return Mean(row => row.Hits[LargestSeries, best], bootstrap);
    }

    /// <summary>The threshold that <see cref="MaxBoxAcc"/> chose: the lowest of the best ones.</summary>
    public double MaxBoxAccThreshold => _thresholds[BestIndex(LargestSeries)];

    /// <summary>All components, mean over IoU 0.3, 0.5 and 0.7, each at the threshold that is best for it on these images.</summary>
    public Interval MaxBoxAccV2(Bootstrap? bootstrap = null)
    {
        var best = Enumerable.Range(0, Deltas.Count).Select(BestIndex).ToArray();
        return (bootstrap ?? Bootstrap.Default).Mean([
            .. _rows.Values.Select(row => (double)best.Index().Count(b => row.Hits[b.Index, b.Item]) / best.Length),
        ]);
    }

    /// <summary>The share of images whose largest component reaches IoU 0.5 at this threshold, the class taken as known.</summary>
    /// <param name="threshold">One of the sweep's.</param>
    public Interval GtKnownLoc(double threshold, Bootstrap? bootstrap = null) => Localized(threshold, _ => true, bootstrap);

    /// <summary><see cref="GtKnownLoc"/>, and the model's first class is the label.</summary>
    public Interval Top1Loc(double threshold, Bootstrap? bootstrap = null) => Localized(threshold, row => row.Top1, bootstrap);

    /// <summary><see cref="GtKnownLoc"/>, and the label is among the model's first five classes.</summary>
    public Interval Top5Loc(double threshold, Bootstrap? bootstrap = null) => Localized(threshold, row => row.Top5, bootstrap);

    /// <summary>
    /// The share of images with a hit at each threshold: all components at one of <see cref="Deltas"/>, or the largest at 0.5.
    /// </summary>
    public double[] Curve(double delta, BoxSelection selection = BoxSelection.All)
    {
        var series =
            selection == BoxSelection.Largest && delta == UsualDelta ? LargestSeries
            : selection == BoxSelection.All && Deltas.Index().FirstOrDefault(d => d.Item == delta, (-1, 0)) is (>= 0 and var found, _)
                ? found
            : throw new ArgumentException($"No curve is kept for IoU {delta} with {selection} components.", nameof(delta));
        return [.. Counts(series).Select(count => (double)count / _rows.Count)];
    }

    /// <summary>
    /// Each image's share in MaxBoxAcc, MaxBoxAccV2, GT-known, Top-1 and Top-5 Loc, in the ordinal order of the images' keys: for paired
    /// comparisons. Their means are the figures above.
    /// </summary>
    /// <param name="threshold">Of the last three: one of the sweep's.</param>
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
                    One(row.Hits[LargestSeries, best[LargestSeries]]),
                    (double)Enumerable.Range(0, Deltas.Count).Count(i => row.Hits[i, best[i]]) / Deltas.Count,
                    One(known),
                    One(known && row.Top1),
                    One(known && row.Top5),
                ]
            );
        }

        static double One(bool hit) => hit ? 1 : 0;
    }

    private void Add(string image, Row row)
    {
        if (!_rows.TryAdd(image, row) && !_rows[image].Same(row))
            throw new ArgumentException($"{image} was measured before, with other results.", nameof(image));
    }

    private Interval Localized(double threshold, Func<Row, bool> counts, Bootstrap? bootstrap)
    {
        var index = Index(threshold);
        return Mean(row => counts(row) && row.Hits[LargestSeries, index], bootstrap);
    }

    private int Index(double threshold) =>
        _thresholds.Index().FirstOrDefault(t => Math.Abs(t.Item - threshold) < 1e-9, (-1, 0)) is (>= 0 and var index, _)
            ? index
            : throw new ArgumentException($"{threshold} is not one of the sweep's {_thresholds.Count} thresholds.", nameof(threshold));

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
