using System.Globalization;

namespace AgCam.Audit.Findings;

/// <summary>
/// Finds classes whose images are often predicted as one other class. Each class is judged by the class that it is most often taken for.
/// </summary>
public sealed class ConfusionFinding : ClassFinding
{
    private const int ExampleCount = 3;

    private readonly int _classes;
    private readonly Dictionary<(int Label, int Predicted), long> _images = [];
    private readonly Dictionary<(int Label, int Predicted), SortedSet<long>> _examples = [];

    /// <param name="classes">Number of classes.</param>
    public ConfusionFinding(int classes) => _classes = classes;

    public override string Name => "confusion";

    public override string Needs => "labels and predictions";

    public override string Rule =>
        "classes of which at least 10 % of the labelled images, and at least 3, are predicted as one other class";

    public override void Fit(AuditRow row)
    {
        if (row is { Label: { } label, Probabilities.Predicted: var predicted })
            Add((label, predicted), 1, [row.Number]);
    }

    public override void Merge(Finding other)
    {
        var shard = (ConfusionFinding)other;
        foreach (var (pair, images) in shard._images)
            Add(pair, images, shard._examples.GetValueOrDefault(pair) ?? []);
    }

    public override IReadOnlyList<FoundClass> Classes(ClassNames classes)
    {
        var totals = new long[_classes];
        foreach (var ((label, _), images) in _images)
            totals[label] += images;
        return
        [
            .. _images
                .Where(entry => entry.Key.Label != entry.Key.Predicted)
                .GroupBy(entry => entry.Key.Label)
                .Select(others => others.OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key.Predicted).First())
                .Select(entry => Judge(entry.Key, entry.Value, totals[entry.Key.Label], classes))
                .OrderBy(found => found.Score)
                .ThenBy(found => found.Class),
        ];
    }

    private FoundClass Judge((int Label, int Predicted) pair, long images, long total, ClassNames classes)
    {
        var share = (double)images / total;
        return new FoundClass(
            pair.Label,
            1 - share,
            share >= 0.1 && images >= 3,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{images:N0} of {total:N0} images labelled {classes.Text(pair.Label)} are predicted as {classes.Text(pair.Predicted)} "
            ) + string.Create(CultureInfo.InvariantCulture, $"({100 * share:0.0} %)")
        )
        {
            Examples = [.. _examples[pair]],
        };
    }

    private void Add((int Label, int Predicted) pair, long images, IEnumerable<long> examples)
    {
        _images[pair] = _images.GetValueOrDefault(pair) + images;
        if (pair.Label == pair.Predicted)
            return;
        if (!_examples.TryGetValue(pair, out var kept))
            _examples[pair] = kept = [];
        kept.UnionWith(examples);
        while (kept.Count > ExampleCount)
            kept.Remove(kept.Max);
    }
}
