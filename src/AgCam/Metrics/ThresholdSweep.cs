using AgCam.Heatmaps;

namespace AgCam.Metrics;

/// <summary>
/// How well a heatmap's boxes meet the ground truth, at every threshold. Both arrays have one value for each threshold, in [0, 1]; 0
/// where the
/// map has no box.
/// </summary>
/// <param name="Best">The best IoU of any predicted box with any ground-truth box.</param>
/// <param name="Largest">The best IoU of the component with the most pixels (the first in reading order among equals) with any
/// ground-truth box.</param>
public sealed record SweepCurves(double[] Best, double[] Largest);

/// <summary>Boxes at all thresholds in one pass over the pixels, instead of a component search for each threshold.</summary>
public sealed class ThresholdSweep
{
    private readonly float[] _thresholds;

    /// <param name="thresholds">Strictly ascending and finite, on the scale of the maps.</param>
    /// <exception cref="ArgumentException">There is none, or they are not strictly ascending in float32.</exception>
    public ThresholdSweep(IEnumerable<double> thresholds)
    {
        Thresholds = [.. thresholds];
        _thresholds = [.. Thresholds.Select(threshold => (float)threshold)];
        if (_thresholds.Length == 0)
            throw new ArgumentException("A sweep needs at least one threshold.", nameof(thresholds));
        for (var i = 0; i < _thresholds.Length; i++)
            if (!float.IsFinite(_thresholds[i]) || (i > 0 && _thresholds[i] <= _thresholds[i - 1]))
                throw new ArgumentException($"Thresholds must be finite and ascend: number {i} is {Thresholds[i]}.", nameof(thresholds));
    }

    public IReadOnlyList<double> Thresholds { get; }

    /// <summary>0, 1/count, 2/count, ... below 1: the usual sweep of weakly supervised localisation, on normalised maps.</summary>
    public static ThresholdSweep Even(int count = 1000) => new(Enumerable.Range(0, count).Select(i => (double)i / count));

    /// <summary>Every external component of the map, with the range of thresholds over which it stays the same. No order.</summary>
    public IReadOnlyList<ComponentSpan> Components(Heatmap map)
    {
        var spans = new List<ComponentSpan>();
        ComponentTree.Visit(map, _thresholds, spans.Add);
        return spans;
    }

    /// <param name="map">Normalised, at the model's input size.</param>
    /// <param name="groundTruth">In pixels of the map.</param>
    public SweepCurves Measure(Heatmap map, IReadOnlyList<BoundingBox> groundTruth)
    {
        var best = new RangeMaximum(_thresholds.Length);
        var largest = new RangeMaximum(_thresholds.Length);
        ComponentTree.Visit(
            map,
            _thresholds,
            span =>
            {
                var iou = 0.0;
                for (var i = 0; i < groundTruth.Count; i++)
                    iou = Math.Max(iou, groundTruth[i].Iou(span.Box));
                best.Raise(span.First, span.Last, iou, iou);
                // pixels first, reading order among equals
                largest.Raise(span.First, span.Last, span.Pixels - (double)span.Start / map.Values.Length, iou);
            }
        );
        return new SweepCurves(best.Values(), largest.Values());
    }
}
