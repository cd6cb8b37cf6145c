using System.Globalization;

namespace AgCam.Audit.Findings;

/// <summary>
/// Scores how typical an image is of its class: the cosine of its embedding to the mean of the class's embeddings, each of length 1. The
/// class is the given label, else the predicted class.
/// </summary>
public sealed class AtypicalFinding : ImageFinding
{
    private const int MinimumImages = 10;

    private readonly Dictionary<int, ClassMean> _means = [];

    public override string Name => "atypical";

    public override string Needs => "embeddings, and 10 images of the class";

    public override double Threshold => 0.5;

    public override string Rule => "half of 1 plus the cosine of the embedding to the mean of its class is below 0.5";

    public override void Fit(AuditRow row)
    {
        if (Class(row) is { } @class && Unit(row.Embedding) is { } unit)
            Of(@class, unit.Length).Add(unit);
    }

    public override void Merge(Finding other)
    {
        foreach (var (@class, mean) in ((AtypicalFinding)other)._means)
            Of(@class, mean.Width).Add(mean);
    }

    public override ImageScore? Score(AuditRow row)
    {
        if (Cosine(row) is not { } cosine)
            return null;
        var score = Math.Clamp((1 + cosine) / 2, 0, 1);
        return new ImageScore(score, score < Threshold);
    }

    public override string Explain(AuditRow row, ClassNames classes) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"cosine of {Cosine(row):0.00} to the mean of {_means[Class(row)!.Value].Images:N0} images of {classes.Text(Class(row)!.Value)}"
        );

    private static int? Class(AuditRow row) => row.Label ?? row.Probabilities?.Predicted;

    private double? Cosine(AuditRow row) =>
        Class(row) is { } @class
        && Unit(row.Embedding) is { } unit
        && _means.TryGetValue(@class, out var mean)
        && mean.Images >= MinimumImages
        && mean.Width == unit.Length
            ? mean.Cosine(unit)
            : null;

    private ClassMean Of(int @class, int width)
    {
        if (!_means.TryGetValue(@class, out var mean))
            _means[@class] = mean = new ClassMean(width);
        return mean;
    }

    /// <summary>Returns the vector scaled to length 1; null without one, or when it has no length.</summary>
    internal static double[]? Unit(float[]? vector)
    {
        if (vector is null)
            return null;
        var length = Math.Sqrt(vector.Sum(value => (double)value * value));
        return length > 0 && double.IsFinite(length) ? Array.ConvertAll(vector, value => value / length) : null;
    }

    private sealed class ClassMean(int width)
    {
        private readonly ExactSum[] _sums = new ExactSum[width];
        private double[]? _unit;

        public int Width => width;

        public long Images { get; private set; }

        public void Add(double[] unit)
        {
            if (unit.Length != width)
                return; // of another model
            for (var i = 0; i < width; i++)
                _sums[i].Add(unit[i]);
            (Images, _unit) = (Images + 1, null);
        }

        public void Add(ClassMean other)
        {
            if (other.Width != width)
                return;
            for (var i = 0; i < width; i++)
                _sums[i].Add(other._sums[i]);
            (Images, _unit) = (Images + other.Images, null);
        }

        public double Cosine(double[] unit)
        {
            _unit ??= Unit(Array.ConvertAll(_sums, sum => (float)sum.Value)) ?? new double[width];
            var product = 0.0;
            for (var i = 0; i < width; i++)
                product += unit[i] * _unit[i];
            return product;
        }
    }
}
