using System.Globalization;

namespace AgCam.Audit.Findings;

/// <summary>
/// Ranks images by the probability of their given label (self-confidence). Confident learning's rule (Northcutt et al. 2021,
/// arXiv:1911.00068) flags the most certain ones: the most probable class among those that reach their own mean self-confidence is not the
/// label. The rule alone misses about half of real label errors, so an image also counts when its label's probability is below the
/// threshold and another class is predicted. Needs predictions of a model that was not trained on these images.
/// </summary>
public sealed class LabelFinding : ImageFinding
{
    private readonly double _threshold;
    private readonly ExactSum[] _confidence;
    private readonly long[] _images;
    private double[]? _means;

    /// <param name="classes">Number of classes.</param>
    /// <param name="threshold">Probability of the label below which an image counts. Default 0.2.</param>
    public LabelFinding(int classes, double threshold = 0.2)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classes);
        (_threshold, _confidence, _images) = (threshold, new ExactSum[classes], new long[classes]);
    }

    public override string Name => "label";

    public override string Needs => "labels and predictions";

    public override double Threshold => _threshold;

    public override string Rule =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"another class is predicted and the label's probability is below {_threshold}, or confident learning's rule holds"
        );

    /// <summary>Mean self-confidence per class; infinity for a class without labelled images.</summary>
    private double[] Means =>
        _means ??= [.. _confidence.Zip(_images, (sum, images) => images == 0 ? double.PositiveInfinity : sum.Value / images)];

    public override void Fit(AuditRow row)
    {
        if (row is not { Label: { } label, Probabilities: { } probabilities })
            return;
        _confidence[label].Add(probabilities[label]);
        _images[label]++;
        _means = null;
    }

    public override void Merge(Finding other)
    {
        var shard = (LabelFinding)other;
        for (var i = 0; i < _images.Length; i++)
        {
            _confidence[i].Add(shard._confidence[i]);
            _images[i] += shard._images[i];
        }
        _means = null;
    }

    public override ImageScore? Score(AuditRow row)
    {
        if (row is not { Label: { } label, Probabilities: { } probabilities })
            return null;
        var isUnlikely = probabilities[label] < _threshold && probabilities.Predicted != label;
        return new ImageScore(probabilities[label], isUnlikely || IsConfident(row), Likely(row));
    }

    /// <summary>Returns true when confident learning's rule flags the image.</summary>
    public bool IsConfident(AuditRow row) =>
        row is { Label: { } label, Probabilities: { } probabilities } && probabilities.HighestAtLeast(Means) is { } other && other != label;

    /// <summary>Returns the likely class: confident learning's unless it is the label, else the predicted one.</summary>
    private int Likely(AuditRow row) =>
        row.Probabilities!.HighestAtLeast(Means) is { } other && other != row.Label ? other : row.Probabilities.Predicted;

    public override string Explain(AuditRow row, ClassNames classes)
    {
        var (label, likely, probabilities) = (row.Label!.Value, Likely(row), row.Probabilities!);
        if (likely == label)
            return $"labelled {classes.Text(label)}, and the model agrees ({Percent(probabilities[label])})";
        return $"labelled {classes.Text(label)} ({Percent(probabilities[label])}), but the model says {classes.Text(likely)} "
            + $"({Percent(probabilities[likely])})";
    }

    private static string Percent(double share) =>
        (100 * share).ToString(share < 0.1 ? "0.0#" : "0.0", CultureInfo.InvariantCulture) + " %";
}
