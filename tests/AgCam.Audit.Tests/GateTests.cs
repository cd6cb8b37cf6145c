using AgCam.Audit.Findings;
using AgCam.Audit.Gates;
using AgCam.Audit.Interventions;
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
    [InlineData(CandidateStatus.Confirmed, "fixed-position is 1, limit 0 confirmed: above the limit by 1 confirmed")]
    [InlineData(CandidateStatus.NotConfirmed, "fixed-position is 0, limit 0 confirmed: within the limit")]
    [InlineData(
        CandidateStatus.Candidate,
        "fixed-position has 1 untested candidates, so the gate fails: they need --confirm and the original images"
    )]
    public void Gate_of_confirmed_classes_counts_them_and_fails_when_a_candidate_was_not_tested(CandidateStatus status, string outcome)
    {
        var gate = Assert.Single(Gate.Parse("fixed-position:confirmed", ["fixed-position"]));
        var found = new FoundClass(3, 0.2, true, "reason") { IsCandidate = true, Patches = [(0, 0)] };
        var confirmation = Confirmation.Of(new InterventionSums()) with { Status = status };
        var finding = new FindingReport("fixed-position", FindingLevel.Class, 10, 1, "rule", "maps")
        {
            Classes =
            [
                new ListedClass(found, [])
                {
                    Test = new TestedCandidate(new Candidate("fixed-position", 3, [new Patch(0, 0)]), confirmation, null, []),
                },
            ],
        };
        Assert.Equal(status != CandidateStatus.NotConfirmed, gate.IsViolated(finding));
        Assert.Equal(outcome, gate.Outcome(finding));
        Assert.Equal("fixed-position:confirmed", gate.ToString());
    }

    [Fact]
    public void Gate_of_confirmed_images_is_refused_with_the_findings_that_are_tested() =>
        Assert.Contains(
            "interventions confirm only border, corner, fixed-position.",
            Assert.Throws<AuditException>(() => Gate.Parse("label:confirmed", ["label"])).Message,
            StringComparison.Ordinal
        );

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
