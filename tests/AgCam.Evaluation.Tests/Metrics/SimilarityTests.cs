using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Evaluation.Tests.Metrics;

[Trait("Category", "numerical")]
public class SimilarityTests
{
    [Fact]
    public void Ties_share_the_mean_of_their_ranks()
    {
        // ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4
        Assert.Equal(4.5 / Math.Sqrt(4.5 * 5), Similarity.RankCorrelation([1, 2, 2, 3], [10, 30, 20, 40]), 12);
    }

    [Property]
    public bool Rank_correlation_sees_only_the_order(int seed)
    {
        var values = SomeHeatmap.Noise(seed, 5, 8, 20).Values;
        return Math.Abs(Similarity.RankCorrelation(values, [.. values.Select(v => MathF.Exp(3 * v))]) - 1) < 1e-12
            && Math.Abs(Similarity.RankCorrelation(values, [.. values.Select(v => -v)]) + 1) < 1e-12;
    }

    [Fact]
    public void Constant_has_no_rank_correlation()
    {
        Assert.True(double.IsNaN(Similarity.RankCorrelation([1, 1, 1], [1, 2, 3])));
        Assert.Throws<ArgumentException>(() => Similarity.RankCorrelation([1, 2], [1, 2, 3]));
    }

    [Fact]
    public void Structural_similarity_is_one_for_equal_maps_and_falls_with_noise()
    {
        var (map, noise) = (SomeHeatmap.Smooth(1, 64), SomeHeatmap.Noise(2, 64, 64));
        var mixed = new Heatmap(64, 64, [.. map.Values.Zip(noise.Values, (a, b) => 0.8f * a + 0.2f * b)]);

        Assert.Equal(1, Similarity.Structural(map, map), 6);
        Assert.InRange(Similarity.Structural(map, mixed), 0.2, 0.95);
        Assert.InRange(Similarity.Structural(map, noise), -0.2, 0.3);
    }

    [Fact]
    public void Sensitivity_is_the_worst_relative_change()
    {
        var map = new Heatmap(1, 2, [3, 4]);

        Assert.Equal(0.4, Similarity.MaxSensitivity(map, [new(1, 2, [3, 4]), new(1, 2, [3, 6]), new(1, 2, [4, 4])]), 12);
    }

    [Fact]
    public void Focus_and_gini_go_from_even_to_a_single_place()
    {
        var (even, single) = (new Heatmap(2, 5, [.. Enumerable.Repeat(2f, 10)]), new Heatmap(2, 5, [0, 0, 0, 7, 0, 0, 0, 0, 0, 0]));

        Assert.Equal(0, Concentration.Focus(even), 12);
        Assert.Equal(1, Concentration.Focus(single), 12);
        Assert.Equal(0, Concentration.Gini(even), 12);
        Assert.Equal(0.9, Concentration.Gini(single), 12);
        Assert.Equal(1 - Math.Log(2) / Math.Log(4), Concentration.Focus(new Heatmap(2, 2, [1, 1, 0, -3])), 12);
        Assert.True(
            double.IsNaN(Concentration.Focus(new Heatmap(1, 2, [0, 0]))) && double.IsNaN(Concentration.Gini(new Heatmap(1, 2, [0, 0])))
        );
    }
}
