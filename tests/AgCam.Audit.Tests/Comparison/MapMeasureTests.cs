using AgCam.Audit.Comparison;
using AgCam.Heatmaps;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Audit.Tests.Comparison;

public class MapMeasureTests
{
    private const int Side = 7;

    [Property]
    public bool Spearman_equals_pearson_of_ranks_that_are_counted(int seed)
    {
        var (a, b) = (Coarse(seed), Coarse(seed + 1));
        return Math.Abs(Pearson(CountedRanks(a.Values), CountedRanks(b.Values)) - Of("spearman", a, b)) < 1e-9;
    }

    [Property]
    public bool Ssim_equals_the_published_formula(int seed)
    {
        var (a, b) = (Coarse(seed), Coarse(seed + 1));
        return Math.Abs(NaiveSsim(a.Normalize(), b.Normalize()) - Of("ssim", a, b)) < 1e-4;
    }

    [Property]
    public bool Top_overlap_without_ties_is_the_share_of_common_patches(int seed)
    {
        var (a, b) = (Noise(seed), Noise(seed + 1));
        var common = Top(a).Intersect(Top(b)).Count();
        return Math.Abs(common / 5.0 - Of("top-overlap", a, b)) < 1e-12;

        static IEnumerable<int> Top(Heatmap map) =>
            Enumerable.Range(0, map.Values.Length).OrderByDescending(patch => map.Values[patch]).Take(5);
    }

    [Property]
    public bool Equal_maps_are_entirely_similar(int seed)
    {
        var map = Signed(Coarse(seed));
        return MapMeasure.All.All(measure => Math.Abs(measure.Of(map, map) - 1) < 1e-5);
    }

    [Fact]
    public void Patches_that_tie_for_the_last_place_share_it()
    {
        // The top 5 of 49: one above, and six that share the other four places.
        var a = new float[49];
        var b = new float[49];
        (a[0], b[0]) = (2, 2);
        for (var patch = 1; patch <= 6; patch++)
            (a[patch], b[patch + 6]) = (1, 1);
        Assert.Equal(0.2, Of("top-overlap", Some.Map(a), Some.Map(b)), 12);
    }

    [Fact]
    public void Sign_agreement_counts_common_top_patches_of_one_sign()
    {
        var a = new float[49];
        var b = new float[49];
        float[] valuesOfA = [9, -8, 7, -6, 5],
            valuesOfB = [9, -8, 7, 6, -5];
        valuesOfA.CopyTo(a, 0);
        valuesOfB.CopyTo(b, 0);
        Assert.Equal(0.6, Of("sign-agreement", Some.Map(a), Some.Map(b)), 12);
    }

    [Fact]
    public void Map_without_negative_values_has_no_sign_agreement() =>
        Assert.True(double.IsNaN(Of("sign-agreement", Noise(1), Signed(Noise(2)))));

    [Fact]
    public void Flat_map_is_not_measured() =>
        Assert.All(MapMeasure.All, measure => Assert.True(double.IsNaN(measure.Of(Some.Map(new float[49]), Noise(1))), measure.Name));

    [Fact]
    public void Maps_of_different_grids_are_refused() =>
        Assert.Throws<ArgumentException>(() => Of("spearman", Noise(1), new Heatmap(2, 2, [1, 2, 3, 4])));

    private static double Of(string name, Heatmap a, Heatmap b) => MapMeasure.All.Single(measure => measure.Name == name).Of(a, b);

    private static Heatmap Noise(int seed)
    {
        var random = new Random(seed);
        return new Heatmap(Side, Side, [.. Enumerable.Range(0, Side * Side).Select(_ => random.NextSingle())]);
    }

    /// <summary>Returns a map of few distinct values, so that many patches tie.</summary>
    private static Heatmap Coarse(int seed) => new(Side, Side, Array.ConvertAll(Noise(seed).Values, value => MathF.Floor(value * 6)));

    private static Heatmap Signed(Heatmap map) => new(map.Rows, map.Columns, Array.ConvertAll(map.Values, value => value - 0.5f));

    /// <summary>Returns 1 + the number of smaller values + half of the number of other equal ones.</summary>
    private static double[] CountedRanks(float[] values) =>
        [.. values.Select(value => 1 + values.Count(other => other < value) + (values.Count(other => other == value) - 1) / 2.0)];

    private static double Pearson(double[] a, double[] b)
    {
        var (meanA, meanB) = (a.Average(), b.Average());
        var covariance = a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum();
        return covariance / Math.Sqrt(a.Sum(x => (x - meanA) * (x - meanA)) * b.Sum(y => (y - meanB) * (y - meanB)));
    }

    /// <summary>
    /// Computes equation 13 of Wang et al. (2004): window of 11 x 11, sigma 1.5, K1 = 0.01, K2 = 0.03, range 1, mirrored edges.
    /// </summary>
    private static double NaiveSsim(Heatmap a, Heatmap b)
    {
        var sum = 0.0;
        for (var row = 0; row < Side; row++)
        for (var column = 0; column < Side; column++)
        {
            double weights = 0,
                meanA = 0,
                meanB = 0,
                squareA = 0,
                squareB = 0,
                product = 0;
            for (var y = -5; y <= 5; y++)
            for (var x = -5; x <= 5; x++)
            {
                var weight = Math.Exp(-(x * x + y * y) / (2 * 1.5 * 1.5));
                var (valueA, valueB) = (
                    (double)a[Mirrored(row + y), Mirrored(column + x)],
                    (double)b[Mirrored(row + y), Mirrored(column + x)]
                );
                weights += weight;
                meanA += weight * valueA;
                meanB += weight * valueB;
                squareA += weight * valueA * valueA;
                squareB += weight * valueB * valueB;
                product += weight * valueA * valueB;
            }
            (meanA, meanB) = (meanA / weights, meanB / weights);
            var (varianceA, varianceB) = (squareA / weights - meanA * meanA, squareB / weights - meanB * meanB);
            var covariance = product / weights - meanA * meanB;
            sum +=
                (2 * meanA * meanB + 1e-4)
                * (2 * covariance + 9e-4)
                / ((meanA * meanA + meanB * meanB + 1e-4) * (varianceA + varianceB + 9e-4));
        }
        return sum / (Side * Side);

        static int Mirrored(int place) =>
            place < 0 ? -place
            : place >= Side ? 2 * (Side - 1) - place
            : place;
    }
}
