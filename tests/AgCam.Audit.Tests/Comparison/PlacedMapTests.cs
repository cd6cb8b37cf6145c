using AgCam.Audit.Comparison;
using AgCam.Heatmaps;
using Xunit;

namespace AgCam.Audit.Tests.Comparison;

public class PlacedMapTests
{
    private static readonly BoundingBox Whole = new(0, 0, 100, 80);

    [Fact]
    public void Maps_of_one_grid_and_rectangle_stay_as_they_are()
    {
        var (a, b) = (Some.Map(1, 3), Some.Map(2, 9));
        var aligned = PlacedMap.Align(new PlacedMap(a, Whole), new PlacedMap(b, Whole))!;
        Assert.False(aligned.IsResampled);
        Assert.Same(a, aligned.A);
        Assert.Same(b, aligned.B);
    }

    [Fact]
    public void Finer_grid_is_sampled_on_the_coarser_one()
    {
        var aligned = PlacedMap.Align(new PlacedMap(Ramp(14, Whole), Whole), new PlacedMap(Ramp(7, Whole), Whole))!;
        Assert.True(aligned.IsResampled);
        Assert.Equal((7, 7), (aligned.A.Rows, aligned.A.Columns));
        AssertInside(aligned);
    }

    [Fact]
    public void Other_crop_of_one_grid_is_compared_where_both_look()
    {
        // Both maps show x + y of the picture: they are equal on the area that both cover.
        var crop = new BoundingBox(20, 10, 60, 60);
        var aligned = PlacedMap.Align(new PlacedMap(Ramp(7, Whole), Whole), new PlacedMap(Ramp(7, crop), crop))!;
        Assert.True(aligned.IsResampled);
        AssertInside(aligned);
    }

    [Fact]
    public void Rectangles_that_do_not_overlap_have_no_common_grid() =>
        Assert.Null(
            PlacedMap.Align(
                new PlacedMap(Some.Map(1, 3), new BoundingBox(0, 0, 10, 10)),
                new PlacedMap(Some.Map(1, 3), new BoundingBox(20, 0, 10, 10))
            )
        );

    /// <summary>Asserts equal values away from the edge: the outer half patch of a map has no neighbour to interpolate with.</summary>
    private static void AssertInside(AlignedMaps aligned)
    {
        for (var row = 1; row < aligned.A.Rows - 1; row++)
        for (var column = 1; column < aligned.A.Columns - 1; column++)
            Assert.Equal(aligned.A[row, column], aligned.B[row, column], 3);
    }

    /// <summary>Returns a map whose patches hold x + y of their centres in the picture.</summary>
    private static Heatmap Ramp(int side, BoundingBox covers) =>
        new(
            side,
            side,
            [
                .. Enumerable
                    .Range(0, side * side)
                    .Select(patch =>
                        (float)(
                            covers.X + covers.Width * (patch % side + 0.5) / side + covers.Y + covers.Height * (patch / side + 0.5) / side
                        )
                    ),
            ]
        );
}
