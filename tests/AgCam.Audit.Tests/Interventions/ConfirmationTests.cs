using AgCam.Audit.Findings;
using AgCam.Audit.Interventions;
using Xunit;

namespace AgCam.Audit.Tests.Interventions;

public class ConfirmationTests
{
    [Theory]
    [InlineData(0, 20, 0, 44, CandidateStatus.Confirmed)]
    [InlineData(0, 13, 0, 51, CandidateStatus.Confirmed)] // 20.3 % more than the control
    [InlineData(0, 12, 0, 52, CandidateStatus.NotConfirmed)] // 18.8 %: significant and too small
    [InlineData(0, 0, 0, 64, CandidateStatus.NotConfirmed)]
    [InlineData(40, 2, 2, 20, CandidateStatus.NotConfirmed)] // a random place does it too
    [InlineData(0, 3, 1, 4, CandidateStatus.NotConfirmed)] // 25 % of 8 images: zero is in the interval
    [InlineData(0, 7, 0, 0, CandidateStatus.Candidate)] // too few images for a decision
    public void Candidate_is_confirmed_when_pasting_flips_more_than_its_control(
        int both,
        int first,
        int second,
        int neither,
        CandidateStatus expected
    ) => Assert.Equal(expected, Confirmation.Of(Sums(both, first, second, neither)).Status);

    [Fact]
    public void Drop_alone_confirms_nothing()
    {
        var erased = Enumerable.Range(0, 64).Select(_ => PairedMeans.Of(0.9, 0)).Aggregate((left, right) => left + right);
        var outcome = Confirmation.Of(Sums(0, 0, 0, 64) with { Erased = erased });
        Assert.Equal(CandidateStatus.NotConfirmed, outcome.Status);
        Assert.Equal(0.9, outcome.DropDifference.Low, 6);
    }

    [Fact]
    public async Task Report_lists_candidates_and_takes_the_outcome_of_each()
    {
        var report = await ReportAsync(top: 0);
        var candidate = Assert.Single(report.Candidates());
        Assert.Equal(("border", 1, 24), (candidate.Finding, candidate.Class, candidate.Patches.Count));
        Assert.Equal(1, report.Findings[0].Candidates(CandidateStatus.Candidate));

        var outcome = Confirmation.Of(Sums(0, 60, 0, 4));
        var tested = report.With([new TestedCandidate(candidate, outcome, null, [])]);
        Assert.Equal(
            (1, 0),
            (tested.Findings[0].Candidates(CandidateStatus.Confirmed), tested.Findings[0].Candidates(CandidateStatus.Candidate))
        );
    }

    [Fact]
    public async Task Border_is_a_candidate_only_where_it_belongs_to_a_class()
    {
        Assert.Equal(
            "100 % of the images of class 1 count, and 0 % of the images of other classes",
            Assert.Single((await ReportAsync()).Findings[0].Classes).Class.Reason
        );
        Assert.Empty((await ReportAsync(atBorder: _ => true)).Findings[0].Classes); // a property of the dataset
        Assert.Empty((await ReportAsync(atBorder: row => row.Number % 20 == 1)).Findings[0].Classes); // few images of the class
        Assert.Empty((await ReportAsync(images: 18)).Findings[0].Classes); // too few images
    }

    private static InterventionSums Sums(int both, int first, int second, int neither) =>
        new()
        {
            Pasted = new PairedCounts
            {
                Both = both,
                OnlyFirst = first,
                OnlySecond = second,
                Neither = neither,
            },
        };

    /// <summary>Audits images of two classes in turn. By default the maps of class 1 lie on the border.</summary>
    private static Task<AuditReport> ReportAsync(int top = 3, int images = 60, Func<AuditRow, bool>? atBorder = null) =>
        new Auditor(new ClassNames(2), [MapFinding.Border()], top).RunAsync(
            () =>
                Enumerable
                    .Range(0, images)
                    .Select(number => Some.Row(number, number % 2))
                    .Select(row =>
                        row with
                        {
                            Map = Some.Map([
                                .. Enumerable
                                    .Range(0, 49)
                                    .Select(patch => patch == ((atBorder ?? (row => row.Label == 1))(row) ? 3 : 24) ? 1f : 0),
                            ]),
                        }
                    )
                    .ToAsyncEnumerable(),
            cancellationToken: TestContext.Current.CancellationToken
        );
}
