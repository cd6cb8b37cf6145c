using AgCam.Heatmaps;
using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Tests.Heatmaps;

public class HeatmapTests
{
    [Fact]
    public void Upsampling_doubles_with_half_pixel_centres()
    {
        var doubled = new Heatmap(1, 2, [0, 1]).Upsample(2, 4);

        // centres at -0.25, 0.25, 0.75, 1.25 of the source: clamped at both ends
        Assert.Equal([0, 0.25f, 0.75f, 1, 0, 0.25f, 0.75f, 1], doubled.Values);
    }

    [Fact]
    public void Upsampling_to_the_same_size_changes_nothing()
    {
        var map = SomeHeatmap.Noise(1, 7, 5);

        Assert.Equal(map.Values, map.Upsample(7, 5).Values);
    }

    [Property]
    public bool A_constant_stays_that_constant(NormalFloat value, byte rows, byte columns)
    {
        var constant = (float)value.Get;
        var map = new Heatmap(3, 4, [.. Enumerable.Repeat(constant, 12)]).Upsample(rows + 1, columns + 1);

        return map.Values.All(v => v == constant) && map.Reason == HeatmapReason.Flat || !float.IsFinite(constant);
    }

    [Property]
    public bool Upsampling_stays_within_the_range(int seed, byte rows, byte columns)
    {
        var map = SomeHeatmap.Noise(seed, 6, 9);
        var upsampled = map.Upsample(rows + 1, columns + 1);

        return upsampled.Min >= map.Min && upsampled.Max <= map.Max + 1e-6f;
    }

    [Property]
    public bool Normalised_values_span_zero_to_one(int seed)
    {
        var normalized = SomeHeatmap.Noise(seed, 5, 6).Normalize();

        return normalized.Min == 0 && normalized.Max == 1;
    }

    [Theory]
    [InlineData(HeatmapReason.Flat, 2f, 2f)]
    [InlineData(HeatmapReason.NotFinite, 2f, float.NaN)]
    [InlineData(HeatmapReason.NotFinite, float.NegativeInfinity, 1f)]
    [InlineData(null, 1f, 2f)]
    public void Flat_map_has_a_reason(string? reason, float first, float second)
    {
        var map = new Heatmap(1, 2, [first, second]);

        Assert.Equal(reason, map.Reason);
        Assert.Equal(reason is not null, map.IsFlat);
        Assert.DoesNotContain(map.Normalize().Values, float.IsNaN);
        Assert.Equal(reason is null, map.Boxes(8, 8).Count > 0);
    }

    [Fact]
    public void Range_beyond_float32_still_normalises()
    {
        Assert.Equal([0, 1, 0.5f], new Heatmap(1, 3, [float.MinValue, float.MaxValue, 0]).Normalize().Values);
    }

    [Fact]
    public void Evidence_for_minus_against_keeps_zero_and_spans_one()
    {
        Assert.Equal([0.5f, -1, 0], new Heatmap(1, 3, [3, 0, 2]).Minus(new Heatmap(1, 3, [1, 4, 2])).Values);
        Assert.Equal([0, 0], new Heatmap(1, 2, [1, 2]).Minus(new Heatmap(1, 2, [1, 2])).Values);
        Assert.Equal([0, 0], new Heatmap(1, 2, [1, float.NaN]).Minus(new Heatmap(1, 2, [0, 2])).Values);
        Assert.Throws<ArgumentException>(() => new Heatmap(1, 2, [1, 2]).Minus(new Heatmap(2, 1, [1, 2])));
    }

    [Fact]
    public void Values_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new Heatmap(2, 3, new float[5]));
        Assert.Throws<ArgumentException>(() => new Heatmap(0, 3, []));
    }
}
