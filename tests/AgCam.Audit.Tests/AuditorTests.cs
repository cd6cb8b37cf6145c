using AgCam.Audit.Findings;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Audit.Tests;

public class AuditorTests
{
    private static readonly ClassNames Names = new(2, ["cat", "dog"]);

    [Fact]
    public void Report_counts_images_labels_and_issues()
    {
        var report = Run([Row(0, 0, 0.9), Row(1, 0, 0.05), Row(2, null, 0.5)], top: 5);
        var finding = Assert.Single(report.Findings);
        Assert.Equal((3, 2), (report.Images, report.Labelled));
        Assert.Equal((2, 1, 0.5), (finding.Scored, finding.Count, finding.Share));
    }

    [Fact]
    public void Items_name_row_path_and_classes_worst_first()
    {
        var report = Run([Row(0, 0, 0.9), Row(1, 0, 0.05), Row(2, 1, 0.9)], top: 2);
        Assert.Equal([1, 2], report.Findings[0].Items.Select(image => image.Number));
        Assert.Equal(
            ("1.jpg", 0, 1),
            (report.Findings[0].Items[0].Path, report.Findings[0].Items[0].Given, report.Findings[0].Items[0].Likely)
        );
    }

    [Fact]
    public void Finding_that_counts_more_than_half_of_the_images_is_a_property() =>
        Assert.True(Run([Row(0, 0, 0.9), Row(1, 0, 0.05), Row(2, 1, 0.9)], top: 2).Findings[0].IsProperty);

    [Property(MaxTest = 50)]
    public void List_holds_the_lowest_scores_in_the_order_of_a_stable_sort(byte[] scores, byte top)
    {
        var rows = scores.Select((score, number) => Row(number, 0, score / 255.0)).ToList();
        var listed = Run(rows, top).Findings[0].Items.Select(image => image.Number);
        Assert.Equal(rows.OrderBy(row => row.Probabilities![0]).Take(top).Select(row => row.Number), listed);
    }

    [Fact]
    public async Task Rows_and_their_scores_are_passed_on_in_order()
    {
        var seen = new List<(long, double?)>();
        await new Auditor(Names, [new LabelFinding(2)], 1).RunAsync(
            () => new[] { Row(0, 0, 0.75), Row(1, null, 0.5) }.ToAsyncEnumerable(),
            (row, result) => seen.Add((row.Number, result.Scores[0]?.Value)),
            TestContext.Current.CancellationToken
        );
        Assert.Equal([(0, 0.75), (1, null)], seen);
    }

    [Fact]
    public async Task Image_is_passed_on_with_the_worst_of_its_groups()
    {
        var seen = new List<ImageGroup?>();
        int?[] files = [1, 2, 1, 2, 2, null, 3];
        var rows = files.Select((file, number) => Some.Row(number) with { Sha256 = file is { } content ? Some.File(content) : null });
        await new Auditor(Names, [new ExactDuplicateFinding()], 1).RunAsync(
            () => rows.ToAsyncEnumerable(),
            (_, result) => seen.Add(Assert.Single(result.Groups)),
            TestContext.Current.CancellationToken
        );
        ImageGroup? first = new ImageGroup(0, 0);
        ImageGroup? second = new ImageGroup(1, 0);
        Assert.Equal([second, first, second, first, first, null, new ImageGroup(null, 1)], seen);
    }

    private static AuditReport Run(IReadOnlyList<AuditRow> rows, int top) =>
        new Auditor(Names, [new LabelFinding(2)], top).RunAsync(() => rows.ToAsyncEnumerable()).GetAwaiter().GetResult();

    private static AuditRow Row(long number, int? label, double ofCat) =>
        new(number, $"{number}.jpg") { Label = label, Probabilities = new ClassProbabilities([ofCat, 1 - ofCat]) };
}
