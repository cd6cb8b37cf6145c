namespace AgCam.Evaluation.Metrics;

/// <summary>
/// Metric values by image: a row of values for each measured image, a reason for each skipped one. Tables of shards merge in any order to
/// the same digits, because every sum runs in ordinal order of the keys. A row that is added twice counts once.
/// </summary>
public sealed class MetricTable
{
    private readonly Dictionary<string, int> _columns;
    private readonly SortedDictionary<string, double[]> _rows = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _skipped = new(StringComparer.Ordinal);

    /// <param name="metrics">Unique names of the columns.</param>
    public MetricTable(IReadOnlyList<string> metrics)
    {
        Metrics = [.. metrics];
        _columns = Metrics.Index().ToDictionary(m => m.Item, m => m.Index);
    }

    public IReadOnlyList<string> Metrics { get; }

    /// <summary>Number of images that have values.</summary>
    public int Evaluated => _rows.Count;

    /// <summary>Number of images, including skipped ones.</summary>
    public int Images => _rows.Count + _skipped.Count;

    /// <summary>Number of skipped images by reason.</summary>
    public IReadOnlyDictionary<string, int> Skipped =>
        new SortedDictionary<string, int>(_skipped.Values.GroupBy(r => r).ToDictionary(g => g.Key, g => g.Count()), StringComparer.Ordinal);

    /// <summary>Rows in ordinal order of the image keys, values in the order of <see cref="Metrics"/>.</summary>
    public IEnumerable<(string Image, IReadOnlyList<double> Values)> Rows =>
        _rows.Select(row => (row.Key, (IReadOnlyList<double>)row.Value));

    /// <summary>Skipped images in ordinal order of their keys.</summary>
    public IEnumerable<(string Image, string Reason)> SkippedImages => _skipped.Select(row => (row.Key, row.Value));

    /// <param name="image">Key of the image, the same in every shard, e.g. its path in the dataset.</param>
    /// <param name="values">In the order of <see cref="Metrics"/>. NaN where a metric is undefined for the image, which excludes it from
    /// that mean.</param>
    /// <exception cref="ArgumentException">The number of values is wrong, or the image was added with other values.</exception>
    public void Add(string image, params IReadOnlyList<double> values)
    {
        if (values.Count != Metrics.Count)
            throw new ArgumentException($"{image}: {Metrics.Count} values are needed, one per metric, not {values.Count}.", nameof(values));
        if (_skipped.TryGetValue(image, out var reason))
            throw new ArgumentException($"{image} was already skipped ({reason}) and cannot have values.", nameof(image));
        if (!_rows.TryAdd(image, [.. values]) && !_rows[image].SequenceEqual(values))
            throw new ArgumentException($"{image} was already added with other values.", nameof(image));
    }

    /// <param name="reason">A stable code, e.g. <c>flat-heatmap</c>.</param>
    /// <exception cref="ArgumentException">The image was added with values or with another reason.</exception>
    public void Skip(string image, string reason)
    {
        if (_rows.ContainsKey(image))
            throw new ArgumentException($"{image} already has values and cannot be skipped ({reason}).", nameof(image));
        if (!_skipped.TryAdd(image, reason) && _skipped[image] != reason)
            throw new ArgumentException($"{image} was already skipped as {_skipped[image]}, not as {reason}.", nameof(image));
    }

    /// <summary>Adds the rows of another shard that has the same metrics.</summary>
    public void Merge(MetricTable other)
    {
        if (!Metrics.SequenceEqual(other.Metrics))
            throw new ArgumentException(
                $"Tables with different metrics cannot be merged: {string.Join(", ", Metrics)} and {string.Join(", ", other.Metrics)}.",
                nameof(other)
            );
        foreach (var (image, values) in other._rows)
            Add(image, values);
        foreach (var (image, reason) in other._skipped)
            Skip(image, reason);
    }

    /// <summary>Returns true when the image was measured or skipped.</summary>
    public bool Contains(string image) => _rows.ContainsKey(image) || _skipped.ContainsKey(image);

    /// <summary>Returns true when some image has a value in both tables.</summary>
    public bool Pairs(MetricTable other, string metric)
    {
        var (column, otherColumn) = (Column(metric), other.Column(metric));
        return _rows.Any(row =>
            other._rows.TryGetValue(row.Key, out var values) && !double.IsNaN(row.Value[column]) && !double.IsNaN(values[otherColumn])
        );
    }

    /// <summary>Returns the metric's defined values, in ordinal order of the image keys.</summary>
    public double[] Values(string metric)
    {
        var column = Column(metric);
        return [.. _rows.Values.Select(row => row[column]).Where(value => !double.IsNaN(value))];
    }

    /// <exception cref="ArgumentException">No image has a value.</exception>
    public Interval Mean(string metric, Bootstrap? bootstrap = null) => (bootstrap ?? Bootstrap.Default).Mean(Values(metric));

    /// <summary>Returns the mean of this table's value minus the other's, over the images that have both.</summary>
    /// <exception cref="ArgumentException">No image has both.</exception>
    public Interval MeanDifference(MetricTable other, string metric, Bootstrap? bootstrap = null)
    {
        var (column, otherColumn) = (Column(metric), other.Column(metric));
        var pairs = new List<(double, double)>();
        foreach (var (image, values) in _rows)
            if (
                other._rows.TryGetValue(image, out var otherValues)
                && !double.IsNaN(values[column])
                && !double.IsNaN(otherValues[otherColumn])
            )
                pairs.Add((values[column], otherValues[otherColumn]));
        return (bootstrap ?? Bootstrap.Default).MeanDifference([.. pairs.Select(p => p.Item1)], [.. pairs.Select(p => p.Item2)]);
    }

    private int Column(string metric) =>
        _columns.TryGetValue(metric, out var column)
            ? column
            : throw new ArgumentException($"Unknown metric '{metric}'. The table has {string.Join(", ", Metrics)}.", nameof(metric));
}
