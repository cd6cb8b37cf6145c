using AgCam.Audit.Comparison;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Audit.Tests.Comparison;

public class ComparisonStatisticsTests
{
    [Theory]
    [InlineData(81, 263, 0.2553, 0.3662)] // Newcombe 1998, table I, method 3
    [InlineData(15, 148, 0.0624, 0.1605)]
    [InlineData(0, 20, 0.0000, 0.1611)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    public void Interval_of_a_proportion_is_the_published_one(int count, int n, double low, double high)
    {
        var interval = ComparisonStatistics.Proportion(count, n);
        Assert.Equal(low, interval.Low, 4);
        Assert.Equal(high, interval.High, 4);
    }

    [Property]
    public bool Paired_difference_is_antisymmetric_and_inside_its_interval(byte both, byte first, byte second, byte neither)
    {
        var n = both + first + second + neither + 1L;
        var difference = ComparisonStatistics.PairedDifference(both, first, second, n);
        var swapped = ComparisonStatistics.PairedDifference(both, second, first, n);
        return Math.Abs(difference.Mean - (second - first) / (double)n) < 1e-12
            && difference.Low <= difference.Mean
            && difference.Mean <= difference.High
            && Math.Abs(difference.Low + swapped.High) < 1e-12
            && Math.Abs(difference.High + swapped.Low) < 1e-12;
    }

    [Fact]
    public void Interval_of_a_paired_difference_covers_the_truth_in_95_percent_of_samples()
    {
        // Of 60 images, A alone is right on 15 % and B alone on 10 %.
        var random = new Random(7);
        var covered = 0;
        for (var sample = 0; sample < 2000; sample++)
        {
            var (both, first, second) = (0, 0, 0);
            for (var image = 0; image < 60; image++)
            {
                var draw = random.NextDouble();
                if (draw < 0.15)
                    first++;
                else if (draw < 0.25)
                    second++;
                else if (draw < 0.85)
                    both++;
            }
            var interval = ComparisonStatistics.PairedDifference(both, first, second, 60);
            covered += interval.Low <= -0.05 && -0.05 <= interval.High ? 1 : 0;
        }
        Assert.InRange(covered / 2000.0, 0.93, 0.985);
    }

    [Fact]
    public void Equal_predictions_still_have_an_interval_and_a_detectable_difference()
    {
        var interval = ComparisonStatistics.PairedDifference(95, 0, 0, 100);
        Assert.Equal(0, interval.Mean);
        Assert.True(interval.Low < 0 && interval.High > 0);
        Assert.InRange(ComparisonStatistics.SmallestDifference(0, 0, 100), 0.01, 0.05);
    }

    [Fact]
    public void Smallest_change_is_detected_with_80_percent_power()
    {
        // Means of 40 values with a deviation of 1 that are moved by the smallest change leave the two-sided 5 % range of unmoved means.
        double[] ofDeviationOne = [.. Enumerable.Range(0, 40).Select(i => (i % 2 == 0 ? 1 : -1) * Math.Sqrt(39.0 / 40))];
        var smallest = ComparisonStatistics.SmallestChange(ofDeviationOne);
        var random = new Random(11);
        var detected = 0;
        for (var sample = 0; sample < 4000; sample++)
            detected += Enumerable.Range(0, 40).Average(_ => Normal(random)) + smallest > 1.96 / Math.Sqrt(40) ? 1 : 0;
        Assert.InRange(detected / 4000.0, 0.77, 0.83);
    }

    [Fact]
    public void Scale_goes_from_the_floor_to_the_ceiling()
    {
        Assert.Equal(0, Calibrated(image => image.Floor)!.Value.Value.Mean, 12);
        Assert.Equal(1, Calibrated(image => image.Ceiling)!.Value.Value.Mean, 12);
        var half = Calibrated(image => (image.Floor + image.Ceiling) / 2)!.Value;
        Assert.Equal(0.5, half.Value.Mean, 12);
        Assert.Equal((0.5, 0.5), (Math.Round(half.Value.Low, 9), Math.Round(half.Value.High, 9))); // paired: the noise cancels
    }

    [Fact]
    public void Scale_with_few_ceilings_keeps_all_images()
    {
        var images = Images(200).Select((image, i) => (0.55 + image.Floor / 10, image.Floor, i % 10 == 0 ? 0.9 : double.NaN)).ToList();
        var calibrated = ComparisonStatistics.Calibrate(images)!.Value;
        var (x, floor) = (images.Average(image => image.Item1), images.Average(image => image.Floor));
        Assert.Equal((x - floor) / (0.9 - floor), calibrated.Value.Mean, 12);
        Assert.InRange(calibrated.Value.Mean, calibrated.Value.Low, calibrated.Value.High);
        Assert.Equal(calibrated, ComparisonStatistics.Calibrate(images)); // seeded
    }

    [Fact]
    public void Scale_without_a_ceiling_above_the_floor_has_no_value()
    {
        Assert.Null(ComparisonStatistics.Calibrate([(0.5, 0.6, 0.6), (0.5, 0.6, 0.6)]));
        Assert.Null(ComparisonStatistics.Calibrate([(0.5, 0.1, double.NaN), (0.5, 0.2, double.NaN)]));
    }

    private static CalibratedValue? Calibrated(Func<(double Floor, double Ceiling), double> value) =>
        ComparisonStatistics.Calibrate([.. Images(50).Select(image => (value(image), image.Floor, image.Ceiling))]);

    private static List<(double Floor, double Ceiling)> Images(int count)
    {
        var random = new Random(3);
        return [.. Enumerable.Range(0, count).Select(_ => (0.1 + 0.1 * random.NextDouble(), 0.8 + 0.1 * random.NextDouble()))];
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
