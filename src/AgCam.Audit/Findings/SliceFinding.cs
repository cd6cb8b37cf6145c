using System.Globalization;
using AgCam.Evaluation.Datasets;

namespace AgCam.Audit.Findings;

/// <summary>
/// Compares the images with one value of a metadata column with those that have another one: accuracy, mean probability of the label, and
/// share of the heat in the boxes. A slice counts when its 95 % interval lies at least 5 points below that of the rest.
/// </summary>
public sealed class SliceFinding : DatasetFinding
{
    private const int MaximumValues = 50;
    private const int MinimumImages = 20;
    private const double Margin = 0.05;
    private const int ExampleCount = 3;
    private const string Split = "split";

    private readonly SortedDictionary<string, Column> _columns = new(StringComparer.Ordinal);

    public override string Name => "slice";

    public override string Needs =>
        $"a metadata column of 2 to {MaximumValues} values with {MinimumImages} images each, and labels or boxes";

    public override string Rule =>
        "slices whose accuracy, mean probability of the label, or share of the heat in boxes has a 95 % interval at least 5 points below "
        + "that of the images with other values of the column";

    public override void Fit(AuditRow row)
    {
        var images = new Statistics();
        images.Add(row);
        foreach (var (name, value) in row.Metadata ?? new Dictionary<string, string>())
            if (!MetadataColumns.IsBoxes(name))
                Add(name, value, images);
        if (row.Split is { } split)
            Add(Split, split, images);
    }

    public override void Merge(Finding other)
    {
        foreach (var (name, column) in ((SliceFinding)other)._columns)
            Of(name).Add(column);
    }

    public override IReadOnlyList<FoundSlice> Slices() =>
        [
            .. _columns
                .SelectMany(column => column.Value.Values.Select(slice => Judge(column.Key, slice.Key, slice.Value, column.Value)))
                .OfType<FoundSlice>()
                .OrderBy(slice => slice.Score)
                .ThenBy(slice => slice.Column, StringComparer.Ordinal)
                .ThenBy(slice => slice.Value, StringComparer.Ordinal),
        ];

    private void Add(string name, string value, Statistics images)
    {
        if (value.Length > 0)
            Of(name).Add(value, images);
    }

    private Column Of(string name)
    {
        if (!_columns.TryGetValue(name, out var column))
            _columns[name] = column = new Column();
        return column;
    }

    /// <summary>Returns null when too few images have the value, or another one.</summary>
    private static FoundSlice? Judge(string column, string value, Statistics slice, Column all)
    {
        var rest = new Statistics();
        foreach (var (_, other) in all.Values.Where(entry => entry.Key != value))
            rest.Add(other);
        List<SliceMeasure> measures = [.. Measures(slice, rest)];
        if (measures.Count == 0)
            return null;
        var worst = measures.MinBy(Gap)!;
        return new FoundSlice(
            column,
            value,
            slice.Images,
            1 - Math.Clamp(worst.Rest.Value - worst.Slice.Value, 0, 1),
            Gap(worst) <= -Margin,
            Sentence(worst)
        )
        {
            Measures = measures,
            Examples = [.. slice.Examples.Select(example => example.Number)],
        };
    }

    private static IEnumerable<SliceMeasure> Measures(Statistics slice, Statistics rest)
    {
        if (slice.Labelled >= MinimumImages && rest.Labelled >= MinimumImages)
        {
            yield return new SliceMeasure(
                "accuracy",
                Estimate.OfShare(slice.Correct, slice.Labelled),
                Estimate.OfShare(rest.Correct, rest.Labelled)
            );
            yield return new SliceMeasure("labelScore", slice.LabelScore.Estimate, rest.LabelScore.Estimate);
        }
        if (slice.Heat.Count >= MinimumImages && rest.Heat.Count >= MinimumImages)
            yield return new SliceMeasure("heatInBoxes", slice.Heat.Estimate, rest.Heat.Estimate);
    }

    /// <summary>Returns the distance from the rest's interval to the slice's; negative when the slice's is below.</summary>
    private static double Gap(SliceMeasure measure) => measure.Slice.High - measure.Rest.Low;

    private static string Sentence(SliceMeasure measure)
    {
        var (slice, rest) = (Text(measure.Slice), Text(measure.Rest));
        return measure.Name switch
        {
            "accuracy" => $"{slice} of the labelled images are predicted right; of those with other values {rest}",
            "labelScore" => $"the label has a mean probability of {slice}; with other values {rest}",
            _ => $"{slice} of the heat lie in the boxes; with other values {rest}",
        };
    }

    private static string Text(Estimate estimate) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{100 * estimate.Value:0.0} % ({100 * estimate.Low:0.0} to {100 * estimate.High:0.0} %, {estimate.Images:N0} images)"
        );

    /// <summary>Statistics of each value of a column.</summary>
    private sealed class Column
    {
        private bool _hasTooMany; // an identifier or a number, no category

        public SortedDictionary<string, Statistics> Values { get; } = new(StringComparer.Ordinal);

        public void Add(string value, Statistics images)
        {
            if (_hasTooMany)
                return;
            if (!Values.TryGetValue(value, out var statistics))
                Values[value] = statistics = new Statistics();
            statistics.Add(images);
            if (Values.Count > MaximumValues)
                Drop();
        }

        public void Add(Column other)
        {
            if (other._hasTooMany)
                Drop();
            foreach (var (value, statistics) in other.Values)
                Add(value, statistics);
        }

        private void Drop()
        {
            _hasTooMany = true;
            Values.Clear();
        }
    }

    private sealed class Statistics
    {
        public long Images { get; private set; }

        public long Labelled { get; private set; }

        public long Correct { get; private set; }

        public Moments LabelScore { get; } = new();

        public Moments Heat { get; } = new();

        /// <summary>Images with the lowest probability of their label.</summary>
        public SortedSet<(double LabelScore, long Number)> Examples { get; } = [];

        public void Add(AuditRow row)
        {
            Images++;
            var score = 1.0;
            if (row is { Label: { } label, Probabilities: { } probabilities })
            {
                score = probabilities[label];
                Labelled++;
                Correct += probabilities.Predicted == label ? 1 : 0;
                LabelScore.Add(score);
            }
            if (BoxHeat.Of(row) is { } heat)
                Heat.Add(heat.Energy);
            Keep((score, row.Number));
        }

        public void Add(Statistics other)
        {
            Images += other.Images;
            Labelled += other.Labelled;
            Correct += other.Correct;
            LabelScore.Add(other.LabelScore);
            Heat.Add(other.Heat);
            foreach (var example in other.Examples)
                Keep(example);
        }

        private void Keep((double, long) example)
        {
            Examples.Add(example);
            if (Examples.Count > ExampleCount)
                Examples.Remove(Examples.Max);
        }
    }

    /// <summary>Exact sums of values in [0, 1] and of their squares.</summary>
    private sealed class Moments
    {
        private ExactSum _sum;
        private ExactSum _squares;

        public long Count { get; private set; }

        public Estimate Estimate => Estimate.OfMean(_sum.Value, _squares.Value, Count);

        public void Add(double value)
        {
            Count++;
            _sum.Add(value);
            _squares.Add(value * value);
        }

        public void Add(Moments other)
        {
            Count += other.Count;
            _sum.Add(other._sum);
            _squares.Add(other._squares);
        }
    }
}
