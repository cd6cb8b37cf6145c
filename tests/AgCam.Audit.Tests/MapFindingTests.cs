using AgCam.Audit.Findings;
using AgCam.Heatmaps;
using AgCam.Pipeline.Records;
using Xunit;

namespace AgCam.Audit.Tests;

public class MapFindingTests
{
    private static readonly ClassNames Names = new(2);

    [Fact]
    public void Even_map_of_14_x_14_has_the_area_of_ring_and_corners_and_no_focus()
    {
        var shares = MapShares.Of(new Heatmap(14, 14, [.. Enumerable.Repeat(2f, 196)]))!;
        Assert.Equal((52 / 196.0, 36 / 196.0), (shares.Border, shares.Corners), Within);
        Assert.Equal((52 / 196.0, 36 / 196.0), (shares.BorderArea, shares.CornerArea), Within);
        Assert.Equal(0, shares.Focus, 12);
        Assert.Equal((1, 0), (shares.HotArea, shares.Second), Within);
    }

    [Fact]
    public void Map_with_a_single_hot_patch_has_full_focus_and_names_its_peak()
    {
        var shares = MapShares.Of(Some.Map(0, 0, 0, 0, 0, 3, 0, 0, 0))!;
        Assert.Equal((5, 1.0, 0.0), (shares.Peak, shares.Focus, shares.Second));
        Assert.Equal(1 / 9.0, shares.HotArea, 12);
    }

    [Fact]
    public void Regions_that_touch_at_a_corner_are_one_and_others_are_compared_by_their_heat()
    {
        Assert.Equal(0, MapShares.Of(Some.Map(4, 0, 0, 0, 4, 0, 0, 0, 4))!.Second);
        Assert.Equal(0.75, MapShares.Of(Some.Map(2, 0, 3, 2, 0, 0, 0, 0, 0))!.Second, 12);
        // The last patch of a row does not touch the first of the next one.
        Assert.Equal(1 / 3.0, MapShares.Of(Some.Map(0, 0, 4, 4, 0, 0, 0, 4, 4, 0, 0, 0, 0, 0, 0, 0))!.Second, 12);
    }

    [Theory]
    [InlineData(0f, -1f, 0f, 0f)]
    [InlineData(float.NaN, 1f, 1f, 1f)]
    [InlineData(float.PositiveInfinity, 1f, 1f, 1f)]
    public void Map_without_positive_or_with_infinite_values_is_not_judged(params float[] values)
    {
        var row = Some.Row(0) with { Map = Some.Map(values) };
        Assert.Null(row.Shares);
        Assert.Null(MapFinding.Diffuse().Score(row));
    }

    [Fact]
    public void Heat_on_the_ring_and_in_the_corners_is_an_issue_and_in_the_middle_none()
    {
        var edge = Some.Row(0) with { Map = Some.Map(1, 0) };
        var middle = Some.Row(1) with { Map = Some.Map(1, 24) };
        Assert.Equal((false, false), (IsIssue(MapFinding.Border(), middle), IsIssue(MapFinding.Corner(), middle)));
        Assert.True(MapFinding.Border().Score(edge)!.Value.Value < MapFinding.Border().Score(middle)!.Value.Value);
        var mark = Some.Row(2) with { Map = new Heatmap(7, 7, [1, .. Enumerable.Repeat(0.001f, 48)]) };
        Assert.Equal((true, true), (IsIssue(MapFinding.Border(), mark), IsIssue(MapFinding.Corner(), mark)));
        Assert.Equal(
            "96 % of the heat lie on the outer ring of patches, which has 49 % of the area",
            MapFinding.Border().Explain(mark, Names).Replace("98", "96", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Finding_without_a_map_or_picture_gives_no_score()
    {
        Assert.Null(MapFinding.Border().Score(Some.Row(0)));
        Assert.Null(PictureFinding.Dark().Score(Some.Row(0)));
    }

    [Fact]
    public void Normal_picture_has_no_issue()
    {
        var row = Some.Row(0) with { Picture = Some.Picture };
        Assert.All(Pictures(), finding => Assert.False(IsIssue(finding, row), finding.Name));
    }

    [Fact]
    public void Picture_that_is_dark_bright_blurred_long_or_blank_is_an_issue_of_that_name_alone()
    {
        var facts = Some.Picture;
        Assert.Equal(["dark"], Issues(facts with { LumaP99 = 0.2f, LumaP5 = 0, Blur = 40 }));
        Assert.Equal(["bright"], Issues(facts with { LumaP5 = 0.97f }));
        Assert.Equal(["blurry"], Issues(facts with { Blur = 12 }));
        Assert.Equal(["aspect"], Issues(facts with { Width = 1000, Height = 300 }));
        Assert.Equal(["low-information"], Issues(facts with { Entropy = 0.9f }));
    }

    private static IEnumerable<string> Issues(PictureFacts facts) =>
        Pictures().Where(finding => IsIssue(finding, Some.Row(0) with { Picture = facts })).Select(finding => finding.Name);

    private static PictureFinding[] Pictures() =>
        [PictureFinding.Dark(), PictureFinding.Bright(), PictureFinding.Blurry(), PictureFinding.Aspect(), PictureFinding.LowInformation()];

    private static bool IsIssue(ImageFinding finding, AuditRow row) => finding.Score(row) is { IsIssue: true };

    private static bool Within((double A, double B) left, (double A, double B) right) =>
        Math.Abs(left.A - right.A) < 1e-12 && Math.Abs(left.B - right.B) < 1e-12;
}
