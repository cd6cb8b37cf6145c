using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Evaluation.Tests.Metrics;

public class PointingTests
{
    private static readonly Heatmap Map = SomeHeatmap.Drawn("....", "..9.", "2..4");

    [Fact]
    public void Maximum_points_x_across_and_y_down()
    {
        Assert.True(Pointing.Hits(Map, [new(2, 1, 1, 1)]));
        Assert.False(Pointing.Hits(Map, [new(1, 2, 1, 1)]));
        Assert.False(Pointing.Hits(Map, [new(0, 0, 2, 1)]));
        Assert.True(Pointing.Hits(Map, [new(0, 0, 2, 1)], tolerance: 1));
    }

    [Fact]
    public void Energy_counts_overlapping_boxes_once()
    {
        var (energy, lift) = Pointing.Energy(Map, [new(2, 1, 2, 2), new(2, 1, 1, 1), new(-5, -5, 5, 5)]);

        Assert.Equal(13 / 15.0, energy, 6);
        Assert.Equal(13 / 15.0 / (4 / 12.0), lift, 6);
    }

    [Fact]
    public void Whole_picture_holds_all_energy_without_lift()
    {
        var (energy, lift) = Pointing.Energy(Map, [new(0, 0, 4, 3)]);

        Assert.Equal((1, 1), (energy, lift));
    }

    [Fact]
    public void No_mass_and_no_box_are_not_a_number()
    {
        Assert.Equal((double.NaN, double.NaN), Pointing.Energy(SomeHeatmap.Drawn(".."), [new(0, 0, 1, 1)]));
        Assert.Equal((0, double.NaN), Pointing.Energy(Map, []));
    }

    [Property]
    public bool A_box_and_the_rest_share_the_energy(int seed, byte x)
    {
        var (map, cut) = (SomeHeatmap.Noise(seed, 6, 8), x % 7 + 1);
        return Math.Abs(Pointing.Energy(map, [new(0, 0, cut, 6)]).Energy + Pointing.Energy(map, [new(cut, 0, 8 - cut, 6)]).Energy - 1)
            < 1e-9;
    }
}
