namespace AgCam.Metrics;

/// <summary>
/// What was measured, image by image: one row of values for each image that counts, one reason for each that does not. Tables of shards
/// merge in
/// any order to the same digits, because every sum runs in the ordinal order of the images' keys; a row that arrives twice counts once.
/// </summary>
public sealed class MetricTable
{
    private readonly Dictionary<string, int> _columns;
    private readonly SortedDictionary<string, double[]> _rows = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _skipped = new(StringComparer.Ordinal);

    /// <param name="metrics">Names of the columns, each once.</param>
    public MetricTable(IReadOnlyList<string> metrics)
    {
        Metrics = [.. metrics];
        _columns = Metrics.Index().ToDictionary(m => m.Item, m => m.Index);
    }

    public IReadOnlyList<string> Metrics { get; }

    /// <summary>Images that have a row.</summary>
    public int Evaluated => _rows.Count;

    /// <summary>Images seen, skipped ones included.</summary>
    public int Images => _rows.Count + _skipped.Count;

    /// <summary>How many images were skipped for each reason.</summary>
    public IReadOnlyDictionary<string, int> Skipped =>
        new SortedDictionary<string, int>(_skipped.Values.GroupBy(r => r).ToDictionary(g => g.Key, g => g.Count()), StringComparer.Ordinal);

    /// <summary>In the ordinal order of the images' keys; values in the order of <see cref="Metrics"/>.</summary>
    public IEnumerable<(string Image, IReadOnlyList<double> Values)> Rows =>
        _rows.Select(row => (row.Key, (IReadOnlyList<double>)row.Value));

    /// <summary>In the ordinal order of the images' keys.</summary>
    public IEnumerable<(string Image, string Reason)> SkippedImages => _skipped.Select(row => (row.Key, row.Value));

    /// <param name="image">A key that names the image in every shard, e.g. its path in the dataset.</param>
    /// <param name="values">In the order of <see cref="Metrics"/>; NaN where a metric is not defined for the image, which leaves it out
    /// of that mean.</param>
    /// <exception cref="ArgumentException">Another number of values, or the image is there with other values.</exception>
    public void Add(string image, params IReadOnlyList<double> values)
    {
        if (values.Count != Metrics.Count)
            throw new ArgumentException(
                $"{image}: {Metrics.Count} values are needed, one for each metric, not {values.Count}.",
                nameof(values)
            );
        if (_skipped.TryGetValue(image, out var reason))
            throw new ArgumentException($"{image} was skipped before ({reason}) and is measured now.", nameof(image));
        if (!_rows.TryAdd(image, [.. values]) && !_rows[image].SequenceEqual(values))
            throw new ArgumentException($"{image} was measured before, with other values.", nameof(image));
    }

    /// <param name="reason">A stable code, e.g. <c>flat-heatmap</c>.</param>
    /// <exception cref="ArgumentException">The image is there with values or another reason.</exception>
    public void Skip(string image, string reason)
    {
        if (_rows.ContainsKey(image))
            throw new ArgumentException($"{image} was measured before and is skipped now ({reason}).", nameof(image));
        if (!_skipped.TryAdd(image, reason) && _skipped[image] != reason)
            throw new ArgumentException($"{image} was skipped before as {_skipped[image]}, now as {reason}.", nameof(image));
    }

    /// <summary>Takes in what another shard measured with the same metrics.</summary>
    public void Merge(MetricTable other)
    {
        if (!Metrics.SequenceEqual(other.Metrics))
            throw new ArgumentException(
                $"Tables of different metrics do not merge: {string.Join(", ", Metrics)} and {string.Join(", ", other.Metrics)}.",
                nameof(other)
            );
        foreach (var (image, values) in other._rows)
            Add(image, values);
        foreach (var (image, reason) in other._skipped)
            Skip(image, reason);
    }

    /// <summary>Whether the image was measured or skipped.</summary>
    public bool Contains(string image) => _rows.ContainsKey(image) || _skipped.ContainsKey(image);

    /// <summary>Whether some image has a value in both tables.</summary>
    public bool Pairs(MetricTable other, string metric)
    {
        var (column, otherColumn) = (Column(metric), other.Column(metric));
        return _rows.Any(row =>
            other._rows.TryGetValue(row.Key, out var values) && !double.IsNaN(row.Value[column]) && !double.IsNaN(values[otherColumn])
        );
    }

    /// <summary>The metric's defined values, in the ordinal order of the images' keys.</summary>
    public double[] Values(string metric)
    {
        var column = Column(metric);
        return [.. _rows.Values.Select(row => row[column]).Where(value => !double.IsNaN(value))];
    }

    /// <exception cref="ArgumentException">No image has a value.</exception>
    public Interval Mean(string metric, Bootstrap? bootstrap = null) => (bootstrap ?? Bootstrap.Default).Mean(Values(metric));

    /// <summary>The mean of this table's value minus the other's, over the images for which both have one.</summary>
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
            : throw new ArgumentException($"There is no metric '{metric}' here: {string.Join(", ", Metrics)}.", nameof(metric));
}
