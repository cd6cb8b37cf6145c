using AgCam.Evaluation.Metrics;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Evaluation.Tests.Metrics;

public class BootstrapTests
{
    [Fact]
    public void Interval_of_a_normal_mean_is_about_two_standard_errors_each_way()
    {
        var random = new Random(1);
        var values = Enumerable
            .Range(0, 400)
            .Select(_ => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))
            .ToArray();
        var mean = values.Average();
        var error = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1) / values.Length);

        var interval = new Bootstrap { Resamples = 4000 }.Mean(values);

        Assert.Equal(mean, interval.Mean, 12);
        Assert.Equal(mean - 1.96 * error, interval.Low, 0.15 * error);
        Assert.Equal(mean + 1.96 * error, interval.High, 0.15 * error);
    }

    [Fact]
    public void Ninety_five_of_a_hundred_intervals_contain_the_true_mean()
    {
        var random = new Random(2);
        var held = Enumerable
            .Range(0, 400)
            .Count(_ =>
            {
                var interval = new Bootstrap { Resamples = 400 }.Mean([.. Enumerable.Range(0, 80).Select(_ => random.NextDouble())]);
                return interval.Low <= 0.5 && interval.High >= 0.5;
            });

        Assert.InRange(held, 0.91 * 400, 0.985 * 400);
    }

    [Fact]
    public void Seed_determines_the_result()
    {
        double[] values = [0.1, 0.5, 0.7, 0.2, 0.9, 0.4];

        Assert.Equal(Bootstrap.Default.Mean(values), Bootstrap.Default.Mean(values));
        Assert.NotEqual(Bootstrap.Default.Mean(values), new Bootstrap { Seed = 7 }.Mean(values));
    }

    [Fact]
    public void Paired_difference_detects_what_separate_intervals_do_not()
    {
        var random = new Random(3);
        var first = Enumerable.Range(0, 200).Select(_ => random.NextDouble()).ToArray();
        var second = first.Select(v => v - 0.01 - 0.005 * random.NextDouble()).ToArray();

        var paired = Bootstrap.Default.MeanDifference(first, second);

        Assert.InRange(paired.Low, 0.01, paired.Mean);
        Assert.True(Bootstrap.Default.Mean(first).Low < Bootstrap.Default.Mean(second).High);
        Assert.Throws<ArgumentException>(() => Bootstrap.Default.MeanDifference(first, second.AsSpan(1)));
    }

    [Fact]
    public void One_value_has_no_spread_and_no_value_no_mean()
    {
        Assert.Equal(new Interval(0.3, 0.3, 0.3), Bootstrap.Default.Mean([0.3]));
        Assert.Throws<ArgumentException>(() => Bootstrap.Default.Mean([]));
    }

    [Property(MaxTest = 30)]
    public bool The_mean_lies_within_its_interval(byte[] values) =>
        values.Length == 0
        || Bootstrap.Default.Mean([.. values.Select(v => (double)v)]) is var i && i.Low <= i.Mean + 1e-9 && i.Mean <= i.High + 1e-9;
}
