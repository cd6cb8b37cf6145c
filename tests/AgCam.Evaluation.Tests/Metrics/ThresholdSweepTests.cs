using AgCam.Evaluation.Metrics;
using AgCam.Heatmaps;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Evaluation.Tests.Metrics;

public class ThresholdSweepTests
{
    private static readonly BoundingBox[] GroundTruth = [new(2, 3, 6, 5), new(9, 1, 4, 12)];

    [Property(MaxTest = 200)]
    public bool The_sweep_finds_what_a_search_at_each_threshold_finds(int seed, byte rows, byte columns, byte different)
    {
        var map = SomeHeatmap.Noise(seed, rows % 20 + 1, columns % 20 + 1, different % 40 + 2);
        var sweep = ThresholdSweep.Even(23);
        var spans = sweep.Components(map);
        return map.IsFlat
            || Enumerable
                .Range(0, 23)
                .All(i =>
                    spans
                        .Where(s => s.First <= i && i <= s.Last)
                        .Select(s => (s.Box, s.Pixels))
                        .OrderBy(c => c.ToString())
                        .SequenceEqual(FloodFill.ExternalComponents(map, (float)sweep.Thresholds[i]).OrderBy(c => c.ToString()))
                );
    }

    [Property(MaxTest = 200)]
    public bool The_curves_are_those_of_a_search_at_each_threshold(int seed, byte different)
    {
        var map = SomeHeatmap.Noise(seed, 16, 15, different % 40 + 2);
        var sweep = ThresholdSweep.Even(23);
        var curves = sweep.Measure(map, GroundTruth);
        return Enumerable
            .Range(0, 23)
            .All(i =>
            {
                var components = FloodFill.ExternalComponents(map, (float)sweep.Thresholds[i]);
                var largest = components.OrderByDescending(c => c.Pixels).Take(1);
                return curves.Best[i] == components.Select(c => Iou(c.Box)).DefaultIfEmpty(0).Max()
                    && curves.Largest[i] == largest.Select(c => Iou(c.Box)).DefaultIfEmpty(0).Max();
            });
    }

    [Fact]
    public void Sweep_of_a_smooth_map_equals_the_boxes_at_every_threshold()
    {
        var (map, sweep) = (SomeHeatmap.Smooth(5), ThresholdSweep.Even());
        var spans = sweep.Components(map);
        for (var i = 0; i < 1000; i += 9)
            Assert.Equal(
                map.Boxes(sweep.Thresholds[i]).Select(b => (b with { Score = 0 }).ToString()).Order(),
                spans.Where(s => s.First <= i && i <= s.Last).Select(s => s.Box.ToString()).Order()
            );
    }

    [Fact]
    public void Uneven_thresholds_and_values_outside_them_are_swept()
    {
        var map = new Heatmap(1, 5, [-3, 0.2f, 7, 0.1f, 0.3f]);

        var curves = new ThresholdSweep([0.1, 0.11, 5]).Measure(map, [new(2, 0, 1, 1)]);

        Assert.Equal([0.5, 0.5, 1], curves.Best);
    }

    [Fact]
    public void Flat_map_has_no_component()
    {
        Assert.Empty(ThresholdSweep.Even().Components(new Heatmap(2, 2, [1, 1, 1, 1])));
    }

    [Theory]
    [InlineData(0.2, 0.2)]
    [InlineData(0.2, 0.1)]
    [InlineData(0.2, double.NaN)]
    public void Thresholds_that_do_not_ascend_are_refused(double first, double second)
    {
        Assert.Throws<ArgumentException>(() => new ThresholdSweep([first, second]));
    }

    private static double Iou(BoundingBox box) => GroundTruth.Max(box.Iou);
}
