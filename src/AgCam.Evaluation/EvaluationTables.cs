using AgCam.Evaluation.Datasets;
using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;

namespace AgCam.Evaluation;

/// <summary>
/// Rows of all images, by method. All sums run in ordinal order of the image keys, so rows in any order and from any number of shards give
/// the same digits.
/// </summary>
public sealed class EvaluationTables
{
    private readonly IReadOnlyList<Metric> _metrics;
    private readonly Dictionary<string, MetricTable> _tables;
    private readonly Dictionary<string, BoxAccuracy> _boxes;
    private readonly SortedDictionary<string, string?> _skipped = new(StringComparer.Ordinal); // every image; null when evaluated
    private readonly SortedDictionary<string, long> _repaired = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _withoutBoxes = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _withoutMask = new(StringComparer.Ordinal);
    private readonly HashSet<string> _misclassified = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _classes = new(StringComparer.Ordinal); // of every evaluated image
    private readonly Dictionary<string, SortedDictionary<string, PerturbationCurves>> _curves;
    private readonly SortedSet<int> _shards = [];

    public EvaluationTables(EvaluationHeader header)
    {
        Header = header;
        _metrics = Metric.Of(header.Metrics);
        string[] columns = [.. _metrics.Select(metric => metric.Name).Except(Metric.BoxMetrics)];
        _tables = header.Methods.ToDictionary(method => method, _ => new MetricTable(columns));
        _boxes = header.Methods.ToDictionary(method => method, _ => new BoxAccuracy(MapScores.Sweep.Thresholds));
        _curves = header.Methods.ToDictionary(
            method => method,
            _ => new SortedDictionary<string, PerturbationCurves>(StringComparer.Ordinal)
        );
        _shards.Add(header.Shard.Number);
    }

    public EvaluationHeader Header { get; }

    /// <summary>
    /// Method with which the others are compared: agcam, or agcam-pooled on models that average the patches. Null where neither was
    /// measured.
    /// </summary>
    public string? Reference =>
        new[] { Attribution.AttributionMethod.Paper, Attribution.AttributionMethod.Pooled }.FirstOrDefault(Header.Methods.Contains);

    public int Images => _skipped.Count;

    public int Evaluated => _skipped.Values.Count(reason => reason is null);

    /// <summary>Number of evaluated images whose most probable class is not the label.</summary>
    public int Misclassified => _misclassified.Count;

    /// <summary>Number of images that are not evaluated, by reason.</summary>
    public IReadOnlyDictionary<string, int> Skipped => Counted(_skipped.Values.OfType<string>());

    /// <summary>Number of evaluated images without box metrics, by reason.</summary>
    public IReadOnlyDictionary<string, int> WithoutBoxes => Counted(_withoutBoxes.Values);

    /// <summary>Number of evaluated images without mask metrics, by reason.</summary>
    public IReadOnlyDictionary<string, int> WithoutMask => Counted(_withoutMask.Values);

    /// <summary>Number of boxes (not images) that were clipped or dropped, by reason.</summary>
    public IReadOnlyDictionary<string, long> Repaired => _repaired;

    /// <summary>Numbers of the shards whose rows are missing.</summary>
    public IReadOnlyList<int> MissingShards => [.. Enumerable.Range(1, Header.Shard.Count).Except(_shards)];

    /// <summary>Checks the header of a file whose rows will be added, and notes its shard.</summary>
    /// <exception cref="DatasetException">The header does not match the earlier rows.</exception>
    public void Join(EvaluationHeader header, string path)
    {
        if (Header.Differs(header) is { } difference)
            throw new DatasetException($"{path} does not match the rows before it ({difference}). Merge only rows of one evaluation.");
        _shards.Add(header.Shard.Number);
    }

    /// <exception cref="ArgumentException">The image was added with other values.</exception>
    public void Add(ImageRow row)
    {
        if (!_skipped.TryAdd(row.Image, row.Skipped) && _skipped[row.Image] != row.Skipped)
            throw new ArgumentException($"{row.Image} is measured in one row and skipped in another.", nameof(row));
        if (row.Skipped is not null)
            return;
        if (row is not { Label: { } label, Correct: { } correct, Top5: { } top5 })
            throw new ArgumentException($"{row.Image} is not skipped and has no label or no prediction.", nameof(row));
        var first = !_tables.Values.Any(table => table.Contains(row.Image));
        foreach (var (name, table) in _tables)
        {
            var method =
                row.Methods.GetValueOrDefault(name) ?? throw new ArgumentException($"{row.Image} has no values of {name}.", nameof(row));
            if (method.Skipped is { } reason)
                table.Skip(row.Image, reason);
            else
                table.Add(row.Image, [.. table.Metrics.Select(metric => method.Values.GetValueOrDefault(metric, double.NaN))]);
            if (method.Hits is { } hits)
                _boxes[name].AddHits(row.Image, hits, correct, top5);
            if (method is { Morf: { } morf, Lerf: { } lerf })
                _curves[name][row.Image] = new PerturbationCurves(morf, lerf);
        }

        if (!first)
            return;
        _classes[row.Image] = row.LabelName ?? $"class {label}";
        if (!correct)
            _misclassified.Add(row.Image);
        if (row.WithoutBoxes is { } without)
            _withoutBoxes[row.Image] = without;
        if (row.WithoutMask is { } noMask)
            _withoutMask[row.Image] = noMask;
        foreach (var (reason, count) in row.Repaired)
            _repaired[reason] = _repaired.GetValueOrDefault(reason) + count;
    }

    /// <summary>
    /// Returns the means with their intervals, and each method's difference from <see cref="Reference"/> on the same images.
    /// </summary>
    public IReadOnlyList<MethodSummary> Summarize(Bootstrap? bootstrap = null)
    {
        var whole = _tables.Keys.ToDictionary(method => method, Complete);
        var reference = Reference is { } name ? whole[name] : null;
        return
        [
            .. Header
                .Methods.AsParallel()
                .AsOrdered()
                .Select(method => new MethodSummary(
                    method,
                    [.. _metrics.Select(metric => Summarize(metric, whole[method], reference, bootstrap)).OfType<MetricSummary>()],
                    _tables[method].Skipped,
                    _boxes[method].Images > 0 ? _boxes[method].MaxBoxAccThreshold : null
                )),
        ];
    }

    /// <summary>Number of evaluated images by label.</summary>
    public IReadOnlyDictionary<string, int> Classes => Counted(_classes.Values);

    /// <summary>Returns the mean of a metric by label. Box accuracies have none, because their threshold depends on all images.</summary>
    public IReadOnlyDictionary<string, double> ByClass(string method, string metric) =>
        Ranked(method, metric)
            .OrderBy(image => image.Image, StringComparer.Ordinal)
            .GroupBy(image => _classes[image.Image], image => image.Value)
            .ToDictionary(group => group.Key, group => group.Average());

    /// <summary>Returns the images by rising value of a metric. Empty where the method has no value.</summary>
    public IReadOnlyList<(string Image, double Value)> Ranked(string method, string metric)
    {
        if (!_tables.TryGetValue(method, out var table) || !table.Metrics.Contains(metric))
            return [];
        var column = table.Metrics.Index().First(m => m.Item == metric).Index;
        return
        [
            .. table
                .Rows.Select(row => (row.Image, Value: row.Values[column]))
                .Where(row => !double.IsNaN(row.Value))
                .OrderBy(row => row.Value),
        ];
    }

    /// <summary>
    /// Returns the share of images with a hit at each threshold of the sweep; null without boxes. See <see cref="BoxAccuracy.Curve"/>.
    /// </summary>
    public IReadOnlyList<double>? BoxCurve(string method, double delta, BoxSelection selection) =>
        _boxes[method].Images > 0 ? _boxes[method].Curve(delta, selection) : null;

    /// <summary>Returns the mean of the images' curves; null where none was measured.</summary>
    public PerturbationCurves? PerturbationCurves(string method)
    {
        var curves = _curves[method].Values;
        return curves.Count == 0 ? null : new PerturbationCurves(Mean(curve => curve.Morf), Mean(curve => curve.Lerf));

        double[] Mean(Func<PerturbationCurves, IReadOnlyList<double>> of) =>
            [.. Enumerable.Range(0, Perturbation.Steps).Select(step => curves.Average(curve => of(curve)[step]))];
    }

    /// <summary>Returns the method's table with the box accuracies, whose thresholds depend on all images.</summary>
    private MetricTable Complete(string method)
    {
        var shares = _boxes[method].PerImage(Header.Threshold).ToDictionary(row => row.Image, row => row.Shares);
        var (partial, complete) = (_tables[method], new MetricTable([.. _tables[method].Metrics, .. Metric.BoxMetrics]));
        double[] none = [.. Metric.BoxMetrics.Select(_ => double.NaN)];
        foreach (var (image, values) in partial.Rows)
            complete.Add(image, [.. values, .. shares.GetValueOrDefault(image, none)]);
        return complete;
    }

    private static MetricSummary? Summarize(Metric metric, MetricTable table, MetricTable? reference, Bootstrap? bootstrap)
    {
        var count = table.Values(metric.Name).Length;
        if (count == 0)
            return null;
        Interval? difference =
            reference is null || reference == table || !table.Pairs(reference, metric.Name)
                ? null
                : table.MeanDifference(reference, metric.Name, bootstrap);
        return new MetricSummary(metric, count, table.Mean(metric.Name, bootstrap), difference);
    }

    private static SortedDictionary<string, int> Counted(IEnumerable<string> reasons) =>
        new(reasons.GroupBy(reason => reason).ToDictionary(group => group.Key, group => group.Count()), StringComparer.Ordinal);
}

/// <param name="Skipped">Number of evaluated images without a usable map, by reason.</param>
/// <param name="MaxBoxAccThreshold">The threshold that MaxBoxAcc chose on these images.</param>
public sealed record MethodSummary(
    string Name,
    IReadOnlyList<MetricSummary> Metrics,
    IReadOnlyDictionary<string, int> Skipped,
    double? MaxBoxAccThreshold
);

/// <param name="Count">Number of images in the mean.</param>
/// <param name="Difference">Difference from the reference over the images that have both values. Null for the reference itself and where it
/// was not measured.</param>
public sealed record MetricSummary(Metric Metric, int Count, Interval Value, Interval? Difference)
{
    /// <summary>True when the interval of the difference excludes zero.</summary>
    public bool Differs => Difference is { } difference && (difference.Low > 0 || difference.High < 0);
}
