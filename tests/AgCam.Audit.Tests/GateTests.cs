using AgCam.Audit.Findings;
using AgCam.Audit.Gates;
using Xunit;

namespace AgCam.Audit.Tests;

public class GateTests
{
    private static readonly FindingReport TwoOfForty = new("label", FindingLevel.Image, 40, 2, "rule", "labels");

    [Theory]
    [InlineData("label:2", false)]
    [InlineData("label:1", true)]
    [InlineData("label:0", true)]
    [InlineData("label:5%", false)]
    [InlineData("label:4.9%", true)]
    public void Gate_is_violated_above_its_limit(string text, bool isViolated) =>
        Assert.Equal(isViolated, Gate.Parse(text, ["label"])[0].IsViolated(TwoOfForty));

    [Fact]
    public void Outcome_says_by_how_much_the_limit_is_exceeded() =>
        Assert.Equal("label is 5 %, limit 2 %: above the limit by 3 %", Gate.Parse("label:2%", ["label"])[0].Outcome(TwoOfForty));

    [Theory]
    [InlineData("label")]
    [InlineData("label:-1")]
    [InlineData("label:two")]
    public void Malformed_gate_is_refused_with_the_form(string text) =>
        Assert.Contains(
            "FINDING:LIMIT",
            Assert.Throws<AuditException>(() => Gate.Parse(text, ["label"])).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Gate_of_an_unknown_finding_is_refused_with_the_known_ones() =>
        Assert.Contains(
            "Findings: label.",
            Assert.Throws<AuditException>(() => Gate.Parse("lable:1", ["label"])).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Gate_of_a_finding_that_was_not_judged_fails_with_what_it_needs()
    {
        var gate = Assert.Single(Gate.Parse("split-leak:0", ["split-leak"]));
        var finding = new FindingReport("split-leak", FindingLevel.Group, 0, 0, "rule", "splits and pictures");
        Assert.True(gate.IsViolated(finding));
        Assert.Equal("split-leak was not judged, so the gate fails: it needs splits and pictures", gate.Outcome(finding));
    }
}
