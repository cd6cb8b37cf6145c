using System.Text.Json;
using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using Xunit;

namespace AgCam.Evaluation.Tests.Metrics;

[Trait("Category", "numerical")]
public class LocalizationScoresTests
{
    [Fact]
    public void Golden_boxes_are_equal_and_scores_within_a_millionth()
    {
        using var cases = JsonDocument.Parse(File.ReadAllText(Fixture.Path("localization", "cases.json")));
        var (compared, flat) = (0, 0);
        foreach (var (number, golden) in cases.RootElement.EnumerateArray().Index())
        {
            var map = new Heatmap(14, 14, Floats(golden.GetProperty("heatmap_14x14")));
            if (golden.TryGetProperty("flat", out var isFlat) && isFlat.GetBoolean())
            {
                Assert.True(map.IsFlat, $"case {number}");
                flat++;
                continue;
            }
            var groundTruth = Corners(golden.GetProperty("gt_boxes_xyxy"));
            foreach (var threshold in (double[])[0.3, 0.5, 0.7])
            {
                var expected = golden.GetProperty(FormattableString.Invariant($"t{threshold}"));
                var boxes = map.Boxes(224, 224, threshold);
                Assert.Equal(
                    Corners(expected.GetProperty("boxes_224_xyxy")).OrderBy(b => b.ToString()),
                    boxes.Select(b => b with { Score = 0 }).OrderBy(b => b.ToString())
                );

                var scores = LocalizationScores.Paper(
                    boxes,
                    groundTruth,
                    (golden.GetProperty("image_width").GetInt32(), golden.GetProperty("image_height").GetInt32()),
                    (224, 224)
                );
                Assert.Equal(expected.GetProperty("pixel_acc").GetDouble(), scores.PixelAccuracy, 1e-6);
                Assert.Equal(expected.GetProperty("iou").GetDouble(), scores.Iou, 1e-6);
                Assert.Equal(expected.GetProperty("dice").GetDouble(), scores.Dice, 1e-6);
                Assert.Equal(expected.GetProperty("precision").GetDouble(), scores.Precision, 1e-6);
                Assert.Equal(expected.GetProperty("recall").GetDouble(), scores.Recall, 1e-6);
                compared++;
            }
        }
        Assert.True(compared > 0 && compared == 3 * (cases.RootElement.GetArrayLength() - flat));
    }

    [Fact]
    public void Perfect_prediction_scores_one()
    {
        BoundingBox[] boxes = [new(10, 20, 30, 40)];

        Assert.Equal(new LocalizationScores(1, 1, 1, 1, 1), LocalizationScores.Paper(boxes, boxes, (64, 64), (64, 64)));
    }

    private static float[] Floats(JsonElement numbers) => [.. numbers.EnumerateArray().Select(n => n.GetSingle())];

    private static BoundingBox[] Corners(JsonElement boxes) =>
        [
            .. boxes
                .EnumerateArray()
                .Select(b => b.EnumerateArray().Select(n => n.GetDouble()).ToArray())
                .Select(c => new BoundingBox(c[0], c[1], c[2] - c[0], c[3] - c[1])),
        ];
}
