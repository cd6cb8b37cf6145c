using AgCam.Audit.Findings;
using AgCam.Evaluation.Datasets;
using AgCam.Heatmaps;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Audit.Tests;

/// <summary>Tests the findings about annotated boxes on a picture of 640 x 480 pixels.</summary>
public class BoxFindingTests
{
    private static readonly ClassNames Names = new(2, ["cat", "dog"]);

    [Fact]
    public void Box_has_the_heat_and_area_of_its_patches_and_of_parts_of_patches()
    {
        // The map has 2 x 2 patches of 320 x 240 pixels. The box covers the first and half of the second.
        var heat = BoxHeat.Of(Row((null, new BoundingBox(0, 0, 480, 240))) with { Map = Some.Map(1, 2, 3, 4) })!.Value;
        Assert.Equal(0.2, heat.Energy, 12);
        Assert.Equal(3 / 8.0, heat.Area, 12);
        Assert.Equal(0.2 * 8 / 3, heat.Lift, 12);
    }

    [Fact]
    public void Boxes_that_overlap_or_reach_outside_count_each_place_once()
    {
        var row = Row((null, new BoundingBox(-100, -100, 420, 340)), ("dog", new BoundingBox(0, 0, 320, 240)));
        var heat = BoxHeat.Of(row with { Map = Some.Map(1, 2, 3, 4) })!.Value;
        Assert.Equal((0.1, 0.25), (heat.Energy, heat.Area));
    }

    [Fact]
    public void Box_is_placed_in_the_part_of_the_picture_that_the_map_covers()
    {
        var row = Row((null, new BoundingBox(80, 0, 240, 240))) with { Map = Some.Map(1, 2, 3, 4) };
        Assert.Equal(0.25, BoxHeat.Of(row with { MapArea = new BoundingBox(80, 0, 480, 480) })!.Value.Area, 12);
        Assert.Null(BoxHeat.Of(row with { MapArea = new BoundingBox(400, 0, 240, 240) })); // cropped away
    }

    [Property(MaxTest = 30)]
    public void Heat_in_boxes_equals_that_of_the_upsampled_map(int seed)
    {
        var random = new Random(seed);
        var boxes = Enumerable.Range(0, random.Next(1, 5)).Select(_ => ((string?)null, Box())).ToArray();
        var row = Row(boxes) with { Map = Some.Map(seed, random.Next(49)), MapArea = new BoundingBox(0, 0, 56, 56) };
        var (energy, area) = (0.0, 0.0);
        for (var y = 0; y < 56; y++)
        for (var x = 0; x < 56; x++)
            if (boxes.Any(item => x >= item.Item2.X && x < item.Item2.Right && y >= item.Item2.Y && y < item.Item2.Bottom))
                (energy, area) = (energy + (row.Shares!.Values[(y / 8 * 7) + (x / 8)] / 64), area + (1 / 3136.0));
        var heat = BoxHeat.Of(row)!.Value;
        Assert.Equal(energy, heat.Energy, 9);
        Assert.Equal(area, heat.Area, 9);

        BoundingBox Box() => new(random.Next(50), random.Next(50), random.Next(1, 40), random.Next(1, 40));
    }

    [Fact]
    public void Image_with_less_heat_in_its_boxes_than_an_even_map_relies_on_the_background()
    {
        var finding = new BackgroundFinding();
        var inside = Row((null, new BoundingBox(0, 0, 320, 240))) with { Map = Some.Map(3, 1, 1, 1) };
        var outside = inside with { Map = Some.Map(0, 1, 1, 2) };
        Assert.Equal(new ImageScore(2 / 3.0, false), finding.Score(inside));
        Assert.Equal(new ImageScore(0, true), finding.Score(outside));
        Assert.Equal("0.0 % of the heat lie in the annotated boxes, which have 25.0 % of the area", finding.Explain(outside, Names));
        Assert.Null(finding.Score(Row() with { Map = Some.Map(0, 1, 1, 2) }));
    }

    [Fact]
    public void Fault_of_a_box_is_named_with_the_box_and_the_reason()
    {
        Assert.Equal("box 2 (cat) at [10, 10, 0, 20] has no width", Reason(("cat", Good), ("cat", new BoundingBox(10, 10, 0, 20))));
        Assert.Equal("box 1 at [10, 10, 5, -2] has no height", Reason((null, new BoundingBox(10, 10, 5, -2))));
        Assert.Equal(
            "box 1 (dog) at [700, 10, 50, 50] lies outside the picture, which has 640 x 480",
            Reason(("dog", new BoundingBox(700, 10, 50, 50)))
        );
        Assert.Equal(
            "box 1 at [600, 10, 50, 50] reaches 10 pixels beyond the picture, which has 640 x 480",
            Reason((null, new BoundingBox(600, 10, 50, 50)))
        );
        Assert.Equal(
            "box 2 (cat) at [101, 100, 200, 200] covers box 1 of the same class (IoU 0.99)",
            Reason(("cat", Good), ("cat", Good with { X = 101 }))
        );
        Assert.Equal("the image has no boxes; other images have some", Reason());
        Assert.Equal("the annotation cannot be read", Fitted().Explain(Row() with { Objects = Annotation.Broken }, Names));
    }

    [Fact]
    public void Good_boxes_rounded_edges_and_equal_boxes_of_two_classes_are_no_fault()
    {
        Assert.False(IsIssue(Row(("cat", Good))));
        Assert.False(IsIssue(Row(("cat", new BoundingBox(1, 1, 640, 480)))));
        Assert.False(IsIssue(Row(("cat", Good), ("dog", Good))));
        Assert.False(IsIssue(Row(("cat", Good), ("cat", Good with { X = 200 }))));
    }

    [Fact]
    public void Worst_fault_decides_about_the_score()
    {
        var (empty, outside) = (((string?)null, new BoundingBox(0, 0, 0, 0)), ((string?)null, new BoundingBox(-90, 0, 40, 40)));
        Assert.Equal(Fitted().Score(Row(empty)), Fitted().Score(Row(outside, empty)));
        Assert.True(Fitted().Score(Row(empty))!.Value.Value < Fitted().Score(Row(outside))!.Value.Value);
    }

    [Fact]
    public void Image_without_boxes_is_judged_only_where_others_have_some_in_any_shard()
    {
        var none = Row();
        Assert.Null(Some.Fitted(() => new AnnotationFinding(), [none]).Score(none));
        Assert.True(Some.Fitted(() => new AnnotationFinding(), [none, none, Row(("cat", Good))], shards: 3).Score(none)!.Value.IsIssue);
        Assert.Null(Fitted().Score(Some.Row(0))); // nothing is known of its boxes
    }

    private static readonly BoundingBox Good = new(100, 100, 200, 200);

    private static AnnotationFinding Fitted() => Some.Fitted(() => new AnnotationFinding(), [Row(("cat", Good))]);

    private static bool IsIssue(AuditRow row) => Fitted().Score(row)!.Value.IsIssue;

    private static string Reason(params (string? Class, BoundingBox Box)[] boxes)
    {
        Assert.True(IsIssue(Row(boxes)));
        return Fitted().Explain(Row(boxes), Names);
    }

    private static AuditRow Row(params (string? Class, BoundingBox Box)[] boxes) =>
        Some.Row(0) with
        {
            Picture = Some.Picture,
            Objects = boxes.Length == 0 ? Annotation.None : new Annotation(boxes, null),
        };
}
