using AgCam.Heatmaps;

namespace AgCam.Evaluation.Metrics;

/// <summary>IoU of a heatmap's boxes with the ground truth at every threshold, in [0, 1]; 0 where the map has no box.</summary>
/// <param name="Best">Best IoU of any predicted box with any ground-truth box.</param>
/// <param name="Largest">Best IoU of the component with the most pixels with any ground-truth box. Ties go to the first in reading
/// order.</param>
public sealed record SweepCurves(double[] Best, double[] Largest);

/// <summary>Computes boxes at all thresholds in one pass over the pixels, instead of one component search per threshold.</summary>
public sealed class ThresholdSweep
{
    private readonly float[] _thresholds;

    /// <param name="thresholds">Strictly ascending and finite, on the scale of the maps.</param>
    /// <exception cref="ArgumentException">The list is empty, or not strictly ascending in float32.</exception>
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

    /// <summary>Creates 0, 1/count, 2/count, ... below 1: the usual sweep of weakly supervised localisation, on normalised maps.</summary>
    public static ThresholdSweep Even(int count = 1000) => new(Enumerable.Range(0, count).Select(i => (double)i / count));

    /// <summary>Returns every external component of the map with the range of thresholds over which it is unchanged, in no order.</summary>
    public IReadOnlyList<ComponentSpan> Components(Heatmap map)
    {
        var spans = new List<ComponentSpan>();
        ComponentTree.Visit(map, _thresholds, spans.Add);
        return spans;
    }

    /// <param name="map">Normalised, at the model's input size.</param>
    /// <param name="groundTruth">In map pixels.</param>
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
                // most pixels first; ties in reading order
                largest.Raise(span.First, span.Last, span.Pixels - (double)span.Start / map.Values.Length, iou);
            }
        );
        return new SweepCurves(best.Values(), largest.Values());
    }
}
