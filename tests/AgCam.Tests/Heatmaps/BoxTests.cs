using AgCam.Heatmaps;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Tests.Heatmaps;

public class BoxTests
{
    [Fact]
    public void Each_component_gives_one_box_largest_mass_first()
    {
        var boxes = SomeHeatmap.Drawn("6......", ".6...99", ".....99", "9......").Boxes();

        // masses 1.2, 3.6 and 0.9 of 5.7; the first component holds together by a corner
        Assert.Equal([(5, 1, 2, 2), (0, 0, 2, 2), (0, 3, 1, 1)], boxes.Select(b => ((int)b.X, (int)b.Y, (int)b.Width, (int)b.Height)));
        Assert.Equal([3.6 / 5.7, 1.2 / 5.7, 0.9 / 5.7], boxes.Select(b => b.Score), (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Fact]
    public void Value_equal_to_the_threshold_is_cold()
    {
        Assert.Empty(SomeHeatmap.Drawn("55", "5.").Boxes(0.5));
    }

    [Fact]
    public void Blob_in_a_hole_gives_no_box_and_one_in_an_open_bay_does()
    {
        Assert.Single(SomeHeatmap.Drawn("99999", "9...9", "9.9.9", "9...9", "99999").Boxes());
        Assert.Equal(2, SomeHeatmap.Drawn("99999", "9...9", "9.9.9", "9...9", "99.99").Boxes().Count);
        // a gap at a corner does not open a ring: the ring holds together by its corners
        Assert.Single(SomeHeatmap.Drawn(".999.", "9...9", "9.9.9", "9...9", ".999.").Boxes());
    }

    [Fact]
    public void Largest_box_is_the_first_of_all()
    {
        var map = SomeHeatmap.Smooth(3);

        Assert.Equal(map.Boxes().Take(1), map.Boxes(0.5, BoxSelection.Largest));
        Assert.True(map.Boxes().Count > 1);
    }

    [Property(MaxTest = 300)]
    public bool Boxes_are_those_of_a_flood_fill(int seed, byte rows, byte columns, byte level)
    {
        var map = SomeHeatmap.Noise(seed, rows % 24 + 1, columns % 24 + 1, different: 10);
        var threshold = level % 11 / 10f;

        return map.IsFlat
            || map.Boxes(threshold)
                .Select(b => b with { Score = 0 })
                .OrderBy(b => b.ToString())
                .SequenceEqual(FloodFill.ExternalComponents(map, threshold).Select(c => c.Box).OrderBy(b => b.ToString()));
    }

    [Property]
    public bool Boxes_lie_within_the_map_and_their_scores_sum_to_at_most_one(int seed, byte level)
    {
        var boxes = SomeHeatmap.Noise(seed, 9, 13).Boxes(49, 37, level / 256.0);

        return boxes.All(b => b.X >= 0 && b.Y >= 0 && b.Right <= 49 && b.Bottom <= 37 && b.Score is > 0 and <= 1)
            && boxes.Sum(b => b.Score) <= 1 + 1e-9
            && boxes.Zip(boxes.Skip(1)).All(pair => pair.First.Score >= pair.Second.Score);
    }

    [Fact]
    public void Iou_is_one_with_itself_and_zero_apart()
    {
        var box = new BoundingBox(1, 2, 3, 4);

        Assert.Equal(1, box.Iou(box));
        Assert.Equal(0, box.Iou(box with { X = 4 }));
        Assert.Equal(1 / 3.0, box.Iou(box with { Y = 4 }), 12);
    }

    [Fact]
    public void Clipping_keeps_the_part_inside()
    {
        Assert.Equal(new BoundingBox(0, 2, 3, 6, 0.5), new BoundingBox(-1, 2, 4, 9, 0.5).Clip(10, 8));
        Assert.Equal(0, new BoundingBox(20, 20, 5, 5).Clip(10, 8).Area);
    }
}
