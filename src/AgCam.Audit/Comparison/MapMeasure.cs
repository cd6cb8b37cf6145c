using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;

namespace AgCam.Audit.Comparison;

/// <summary>Similarity of two heatmaps on one grid.</summary>
/// <param name="Name">Name in reports and gates.</param>
/// <param name="Meaning">Sentence for a person.</param>
public sealed record MapMeasure(string Name, string Meaning)
{
    /// <summary>Share of the patches that count as the top ones.</summary>
    private const double TopShare = 0.1;

    private Func<Heatmap, Heatmap, double> Function { get; init; } = (_, _) => double.NaN;

    /// <summary>All measures. The first one ranks the images that changed most.</summary>
    public static IReadOnlyList<MapMeasure> All { get; } =
    [
        new("spearman", "Spearman's rank correlation over the patches; equal values share their mean rank")
        {
            Function = (a, b) => Similarity.RankCorrelation(a.Values, b.Values),
        },
        new("ssim", "structural similarity of the normalised maps on the patch grid (Gaussian window, sigma 1.5)")
        {
            Function = (a, b) => Similarity.Structural(a.Normalize(), b.Normalize()),
        },
        new("top-overlap", "share of the hottest 10 % of the patches that both maps have") { Function = TopOverlap },
        new("sign-agreement", "share of the 10 % of the patches with the largest magnitude that both maps have with one sign; signed maps")
        {
            Function = SignAgreement,
        },
    ];

    /// <summary>Returns the similarity; NaN where a map is flat or the measure does not apply.</summary>
    /// <exception cref="ArgumentException">The maps have different grids.</exception>
    public double Of(Heatmap a, Heatmap b) =>
        (a.Rows, a.Columns) != (b.Rows, b.Columns)
            ? throw new ArgumentException($"Maps of {a.Rows} x {a.Columns} and {b.Rows} x {b.Columns} cannot be compared.", nameof(b))
        : a.IsFlat || b.IsFlat ? double.NaN
        : Function(a, b);

    private static double TopOverlap(Heatmap a, Heatmap b)
    {
        var (top, other) = (
            Top(Array.ConvertAll(a.Values, value => (double)value)),
            Top(Array.ConvertAll(b.Values, value => (double)value))
        );
        return top.Zip(other, Math.Min).Sum() / top.Sum();
    }

    private static double SignAgreement(Heatmap a, Heatmap b)
    {
        if (a.Min >= 0 || b.Min >= 0)
            return double.NaN;
        var top = Top(Array.ConvertAll(a.Values, value => Math.Abs((double)value)));
        var other = Top(Array.ConvertAll(b.Values, value => Math.Abs((double)value)));
        var agreed = 0.0;
        for (var i = 0; i < top.Length; i++)
            if (Math.Sign(a.Values[i]) == Math.Sign(b.Values[i]))
                agreed += Math.Min(top[i], other[i]);
        return agreed / top.Sum();
    }

    /// <summary>
    /// Returns how far each patch belongs to the top ones: 1 or 0, or an equal share for patches that are equal to the last one.
    /// </summary>
    private static double[] Top(double[] values)
    {
        var count = Math.Max(1, (int)Math.Round(TopShare * values.Length));
        var last = values.OrderDescending().ElementAt(count - 1);
        var above = values.Count(value => value > last);
        var share = (double)(count - above) / values.Count(value => value == last);
        return Array.ConvertAll(
            values,
            value =>
                value > last ? 1
                : value == last ? share
                : 0
        );
    }
}
