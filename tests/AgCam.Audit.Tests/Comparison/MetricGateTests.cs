using AgCam.Audit.Comparison;
using AgCam.Audit.Gates;
using AgCam.Evaluation.Metrics;
using Xunit;

namespace AgCam.Audit.Tests.Comparison;

public class MetricGateTests
{
    private static readonly ComparedMetric Accuracy = new("accuracy", true, "")
    {
        Value = new Interval(0.90, 0.85, 0.94),
        Baseline = 0.80,
        Change = new Interval(0.10, 0.04, 0.16),
        Count = 100,
    };

    private static readonly ComparedMetric Flips = new("negative-flip-rate", false, "")
    {
        Value = new Interval(0.02, 0.01, 0.05),
        Count = 100,
    };

    [Theory]
    [InlineData("accuracy:0.85", false)]
    [InlineData("accuracy:0.86", true)] // the mean is above, the lower bound is not
    [InlineData("accuracy:threshold=0.85", false)]
    [InlineData("accuracy:min_absolute_change=0.04", false)]
    [InlineData("accuracy:min_absolute_change=0.05", true)]
    [InlineData("accuracy:min_absolute_change=-0.01", false)]
    [InlineData("accuracy:min_relative_change=0.049", false)] // 0.04 / 0.80
    [InlineData("accuracy:min_relative_change=0.051", true)]
    [InlineData("accuracy:threshold=0.5:min_absolute_change=0.05", true)]
    [InlineData("accuracy:threshold=0.94:greater_is_better=false", false)]
    [InlineData("accuracy:threshold=0.93:greater_is_better=false", true)]
    [InlineData("negative-flip-rate:0.05", false)]
    [InlineData("negative-flip-rate:0.04", true)] // the upper bound
    [InlineData("negative-flip-rate:min_absolute_change=0.01", true)] // it has no baseline
    public void Gate_judges_the_bound_of_the_interval(string text, bool isViolated)
    {
        var gate = Assert.Single(MetricGate.Parse(text, PairedComparison.Names));
        Assert.Equal(isViolated, gate.Judge(gate.Metric == "accuracy" ? Accuracy : Flips).IsViolated);
    }

    [Fact]
    public void Outcome_says_by_how_much_the_bound_misses_the_limit() =>
        Assert.Equal(
            "accuracy is 0.9 (0.85 to 0.94): lower bound 0.85, at least 0.9 allowed, below the limit by 0.05",
            MetricGate.Parse("accuracy:0.9", ["accuracy"])[0].Judge(Accuracy).Text
        );

    [Fact]
    public void Metric_without_a_value_violates_its_gate_with_the_reason()
    {
        var outcome = MetricGate
            .Parse("ssim.calibrated:0.5", PairedComparison.Names)[0]
            .Judge(new ComparedMetric("ssim.calibrated", true, "") { Missing = "the originals are gone" });
        Assert.True(outcome.IsViolated);
        Assert.Equal("ssim.calibrated was not judged, so the gate fails: the originals are gone", outcome.Text);
    }

    [Theory]
    [InlineData("accuracy", "malformed")]
    [InlineData("accuracy:", "malformed")]
    [InlineData("accuracy:NaN", "malformed")]
    [InlineData("accuracy:limit=2", "malformed")]
    [InlineData("accuracy:greater_is_better=true", "no limit")]
    [InlineData("acuracy:0.5", "names no metric")]
    public void Malformed_gate_is_refused(string text, string reason) =>
        Assert.Contains(
            reason,
            Assert.Throws<AuditException>(() => MetricGate.Parse(text, PairedComparison.Names)).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Gates_of_a_file_equal_those_of_a_text()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("agcam-gates-").FullName, "gates.json");
        File.WriteAllText(
            file,
            """
            {
              "accuracy": {"threshold": 0.8, "min_absolute_change": -0.01, "min_relative_change": null, "greater_is_better": true},
              "negative-flip-rate": {"threshold": 0.02}
            }
            """
        );
        Assert.Equal(
            MetricGate.Parse(
                "accuracy:threshold=0.8:min_absolute_change=-0.01:greater_is_better=true,negative-flip-rate:0.02",
                PairedComparison.Names
            ),
            MetricGate.Parse(file, PairedComparison.Names)
        );
        File.WriteAllText(file, """{"accuracy": {"min_change": 1}}""");
        Assert.Contains(
            "unknown setting \"min_change\"",
            Assert.Throws<AuditException>(() => MetricGate.Parse(file, PairedComparison.Names)).Message,
            StringComparison.Ordinal
        );
        File.WriteAllText(file, """["accuracy"]""");
        Assert.Throws<AuditException>(() => MetricGate.Parse(file, PairedComparison.Names));
    }
}
