using System.Text.Json;
using AgCam.Audit.Interventions;
using AgCam.Evaluation.Metrics;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Audit.Tests.Interventions;

public class InterventionSumsTests
{
    [Theory]
    [InlineData(36, 12, 2, 0, 0.2, 0.0569, 0.3404)] // as published
    [InlineData(36, 14, 0, 0, 0.28, 0.1528, 0.4167)]
    [InlineData(20, 12, 2, 16, 0.2, 0.0562, 0.3292)]
    [InlineData(0, 30, 0, 0, 1, 0.8395, 1)]
    [InlineData(54, 0, 0, 0, 0, -0.0664, 0.0664)]
    public void Difference_of_paired_rates_has_newcombes_interval(
        int both,
        int first,
        int second,
        int neither,
        double mean,
        double low,
        double high
    )
    {
        var counts = new PairedCounts
        {
            Both = both,
            OnlyFirst = first,
            OnlySecond = second,
            Neither = neither,
        };
        Equal(mean, low, high, counts.Difference(), 4);
    }

    [Fact]
    public void Rate_has_wilsons_interval() =>
        // 81 of 263: 0.2553 to 0.3662 (Newcombe 1998).
        Equal(0.3080, 0.2553, 0.3662, new PairedCounts { OnlyFirst = 81, Neither = 182 }.FirstRate(), 4);

    [Fact]
    public void Means_have_the_interval_of_students_t()
    {
        // Of 0.1, 0.2, 0.3: mean 0.2, standard deviation 0.1, t with 2 degrees of freedom 4.3027.
        var sums = new[] { 0.1, 0.2, 0.3 }.Select(value => PairedMeans.Of(value, 0.05)).Aggregate((left, right) => left + right);
        var half = 4.302653 * 0.1 / Math.Sqrt(3);
        Equal(0.2, 0.2 - half, 0.2 + half, sums.FirstMean(), 6);
        Equal(0.05, 0.05, 0.05, sums.SecondMean(), 6);
        Equal(0.15, 0.15 - half, 0.15 + half, sums.Difference(), 6);
    }

    [Fact]
    public void Without_images_every_interval_is_as_wide_as_it_can_be()
    {
        Assert.Equal(new Interval(0, 0, 1), new PairedCounts().FirstRate());
        Assert.Equal(new Interval(0, -1, 1), new PairedCounts().Difference());
        Assert.Equal(new Interval(0, -1, 1), new PairedMeans().Difference());
    }

    [Property(MaxTest = 100)]
    public void Sums_of_any_parts_in_any_order_are_equal(byte[] values, byte parts)
    {
        var images = values.Select(value => Of(value / 255.0, value % 7 / 7.0, value % 2 == 0, value % 3 == 0)).ToList();
        var whole = images.Aggregate(new InterventionSums(), (left, right) => left + right);
        var merged = images
            .AsEnumerable()
            .Reverse()
            .Chunk((parts % 5) + 1)
            .Select(part => part.Aggregate(new InterventionSums(), (left, right) => left + right))
            .Select(part => JsonSerializer.Deserialize<InterventionSums>(JsonSerializer.Serialize(part))!)
            .Aggregate(new InterventionSums(), (left, right) => left + right);
        Assert.Equal(whole, merged);
    }

    private static InterventionSums Of(double drop, double control, bool flips, bool controlFlips) =>
        new() { Erased = PairedMeans.Of(drop, control), Pasted = PairedCounts.Of(flips, controlFlips) };

    private static void Equal(double mean, double low, double high, Interval actual, int digits)
    {
        Assert.Equal(mean, actual.Mean, digits);
        Assert.Equal(low, actual.Low, digits);
        Assert.Equal(high, actual.High, digits);
    }
}
