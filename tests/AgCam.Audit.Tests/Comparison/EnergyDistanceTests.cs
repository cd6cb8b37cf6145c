using AgCam.Audit.Comparison;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Audit.Tests.Comparison;

public class EnergyDistanceTests
{
    /// <summary>Share of N(0, 1) and N(1, 1): E|X-Y| = 1.3993 by the folded normal distribution, E|X-X'| = 2 / sqrt(pi).</summary>
    private const double OfUnitShift = 1 - 1.128379 / 1.399258;

    [Property(MaxTest = 20)]
    public bool Value_is_that_of_the_definition(int seed)
    {
        var (a, b) = (Normal(seed, 12, 0), Normal(seed + 1, 15, 0.5));
        return Math.Abs(Naive(a, b) - Of(a, b).Value.Mean) < 1e-6;
    }

    [Fact]
    public void Value_and_its_p_value_are_found_again_and_do_not_depend_on_which_sample_is_first()
    {
        var (a, b) = (Normal(1, 30, 0), Normal(2, 30, 0.7));
        Assert.Equal(Of(a, b), Of(a, b));
        Assert.Equal(Of(a, b).Value.Mean, Of(b, a).Value.Mean, 9);
    }

    [Fact]
    public void P_values_of_one_distribution_are_below_5_percent_in_5_percent_of_samples()
    {
        var random = new Random(5); // one generator: neighbouring seeds give similar numbers
        var below = Enumerable.Range(0, 1000).Count(_ => Of(Normal(random, 12, 0), Normal(random, 12, 0)).PValue <= 0.05);
        Assert.InRange(below / 1000.0, 0.03, 0.07);
    }

    [Fact]
    public void Interval_covers_the_drift_of_a_shift()
    {
        var random = new Random(6);
        var drifts = Enumerable.Range(0, 200).Select(_ => Of(Normal(random, 60, 0), Normal(random, 60, 1))).ToList();
        Assert.Equal(OfUnitShift, drifts.Average(drift => drift.Value.Mean), 0.015);
        Assert.InRange(drifts.Count(drift => drift.Value.Low <= OfUnitShift && OfUnitShift <= drift.Value.High) / 200.0, 0.9, 0.99);
        Assert.All(drifts, drift => Assert.True(drift.Value.Mean > drift.ByChance));
    }

    [Fact]
    public void Samples_without_any_distance_have_no_drift()
    {
        var drift = EnergyDistance.Of(40, 20, (_, _) => 0);
        Assert.Equal((0, 1), (drift.Value.Mean, drift.PValue));
    }

    [Fact]
    public void Too_few_images_have_no_drift()
    {
        var images = Enumerable.Range(0, 9).Select(_ => new DriftImage("cat", 0.5)).ToList();
        Assert.All(DriftMeasure.All, measure => Assert.Null(measure.Of(images, images)));
    }

    [Fact]
    public void Measures_see_what_they_are_named_after()
    {
        var before = Enumerable.Range(0, 40).Select(i => Image(i, "cat", 0.6 + 0.001 * i, peak: 24)).ToList();
        Assert.Equal(["prediction-drift"], Drifted(before, [.. before.Select(image => image with { Predicted = "dog" })]));
        Assert.Equal(["confidence-drift"], Drifted(before, [.. before.Select(image => image with { Probability = 0.99 })]));
        Assert.Equal(
            ["embedding-drift"],
            Drifted(before, [.. before.Select(image => image with { Embedding = Array.ConvertAll(image.Embedding!, v => v + 1) })])
        );
        Assert.Equal(["map-drift"], Drifted(before, [.. Enumerable.Range(0, 40).Select(i => Image(i, "cat", 0.6 + 0.001 * i, peak: 3))]));
    }

    private static IEnumerable<string> Drifted(IReadOnlyList<DriftImage> before, IReadOnlyList<DriftImage> after) =>
        DriftMeasure.All.Where(measure => measure.Of(before, after)!.PValue < 0.01).Select(measure => measure.Name);

    private static DriftImage Image(int seed, string predicted, double probability, int peak) =>
        new(predicted, probability)
        {
            Embedding = [.. Normal(seed, 8, 0).Select(value => (float)value)],
            Map = MapShares.Of(Some.Map(seed, peak)),
        };

    private static EnergyDistance Of(double[] a, double[] b)
    {
        double[] all = [.. a, .. b];
        return EnergyDistance.Of(all.Length, a.Length, (i, j) => Math.Abs(all[i] - all[j]));
    }

    private static double Naive(double[] a, double[] b)
    {
        var across = Mean(a, b, (_, _) => true);
        return (2 * across - Mean(a, a, (i, j) => i != j) - Mean(b, b, (i, j) => i != j)) / (2 * across);

        static double Mean(double[] first, double[] second, Func<int, int, bool> counts) =>
            (
                from i in Enumerable.Range(0, first.Length)
                from j in Enumerable.Range(0, second.Length)
                where counts(i, j)
                select Math.Abs(first[i] - second[j])
            ).Average();
    }

    private static double[] Normal(int seed, int count, double mean) => Normal(new Random(seed), count, mean);

    private static double[] Normal(Random random, int count, double mean) =>
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ => mean + Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())),
        ];
}
