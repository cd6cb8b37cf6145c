using AgCam.Audit.Findings;
using AgCam.Evaluation.Datasets;
using AgCam.Heatmaps;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Audit.Tests;

public class SliceFindingTests
{
    [Fact]
    public void Slice_with_a_lower_accuracy_than_the_rest_comes_first_with_both_intervals()
    {
        // By night 20 of 40 images are right, by day 114 of 120.
        var rows = Enumerable
            .Range(0, 160)
            .Select(number => Row(number, number < 40 ? "night" : "day", number < 40 ? number % 2 == 0 : number % 20 != 0));
        var found = Some.Fitted(() => new SliceFinding(), rows).Slices();
        Assert.Equal([("night", true), ("day", false)], found.Select(slice => (slice.Value, slice.IsIssue)));
        var accuracy = found[0].Measures.Single(measure => measure.Name == "accuracy");
        Assert.Equal((40, 0.5), (accuracy.Slice.Images, accuracy.Slice.Value));
        Assert.Equal((120, 0.95), (accuracy.Rest.Images, accuracy.Rest.Value));
        Assert.StartsWith("50.0 % (35.2 to 64.8 %, 40 images) of the labelled images are predicted right; ", found[0].Reason);
        Assert.Equal([1, 3, 5], found[0].Examples); // the wrong ones
    }

    [Fact]
    public void Wilsons_interval_of_a_share_is_the_published_one()
    {
        // Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        Assert.Equal(
            [(0.2553, 0.3662), (0.0624, 0.1605), (0, 0.1611), (0.0061, 0.1718)],
            new[] { (81, 263), (15, 148), (0, 20), (1, 29) }.Select(Of)
        );

        static (double, double) Of((int Count, int Images) share)
        {
            var estimate = Estimate.OfShare(share.Count, share.Images);
            return (Math.Round(estimate.Low, 4), Math.Round(estimate.High, 4));
        }
    }

    [Fact]
    public void Slice_whose_heat_lies_beside_the_boxes_is_found_without_labels()
    {
        var box = new Annotation([(null, new BoundingBox(0, 0, 320, 240))], null);
        var rows = Enumerable
            .Range(0, 60)
            .Select(number =>
                Some.Row(number, split: number < 20 ? "test" : "train") with
                {
                    Picture = Some.Picture,
                    Objects = box,
                    Map = number < 20 ? Some.Map(1, 3, 3, 3) : Some.Map(7, 1, 1, 1),
                }
            );
        var found = Some.Fitted(() => new SliceFinding(), rows).Slices();
        Assert.Equal(("split", "test", true, 0.4), (found[0].Column, found[0].Value, found[0].IsIssue, Math.Round(found[0].Score, 12)));
        Assert.Equal("heatInBoxes", Assert.Single(found[0].Measures).Name);
    }

    [Fact]
    public void Small_slices_columns_of_one_value_identifiers_and_boxes_are_not_judged()
    {
        var rows = Enumerable
            .Range(0, 100)
            .Select(number =>
                Row(number, number < 19 ? "night" : "day", isRight: number >= 19) with
                {
                    Metadata = new Dictionary<string, string>
                    {
                        ["light"] = number < 19 ? "night" : "day",
                        ["camera"] = "one",
                        ["id"] = $"{number}",
                        ["objects"] = number < 50 ? "[[1,2,3,4]]" : "[[2,3,4,5]]",
                        ["empty"] = "",
                    },
                }
            );
        Assert.Empty(Some.Fitted(() => new SliceFinding(), rows, shards: 3).Slices());
    }

    [Fact]
    public void Small_difference_is_no_issue()
    {
        // 90 % and 93 %: certain with 20,000 images each, but within 5 points.
        var rows = Enumerable
            .Range(0, 40_000)
            .Select(number => Row(number, number % 2 == 0 ? "a" : "b", number / 2 % 100 < (number % 2 == 0 ? 90 : 93)));
        Assert.DoesNotContain(Some.Fitted(() => new SliceFinding(), rows).Slices(), slice => slice.IsIssue);
    }

    [Property(MaxTest = 20)]
    public void Slices_do_not_depend_on_order_or_shards(int seed, byte shards)
    {
        var random = new Random(seed);
        var values = random.Next(2, 60); // more than 50 are no category
        var rows = Enumerable.Range(0, 400).Select(number => Row(number, $"{random.Next(values)}", random.Next(3) > 0)).ToList();
        var expected = Some.Fitted(() => new SliceFinding(), rows).Slices();
        rows.Reverse();
        Assert.Equal(expected.Select(Text), Some.Fitted(() => new SliceFinding(), rows, 1 + shards % 4).Slices().Select(Text));

        static string Text(FoundSlice slice) => $"{slice} {string.Join(' ', slice.Measures)} {string.Join(' ', slice.Examples)}";
    }

    [Fact]
    public async Task Report_lists_slices_with_the_paths_of_examples()
    {
        var rows = Enumerable.Range(0, 60).Select(number => Row(number, number < 20 ? "night" : "day", number >= 20)).ToList();
        var report = await new Auditor(new ClassNames(2), [new SliceFinding()], 1).RunAsync(
            () => rows.ToAsyncEnumerable(),
            cancellationToken: TestContext.Current.CancellationToken
        );
        var finding = Assert.Single(report.Findings);
        Assert.Equal((FindingLevel.Dataset, 2, 1), (finding.Level, finding.Scored, finding.Count));
        Assert.Equal(("night", "0.jpg"), (finding.Slices.Single().Slice.Value, finding.Slices[0].Examples[0].Path));
    }

    private static AuditRow Row(int number, string light, bool isRight) =>
        Some.Row(number, 0) with
        {
            Probabilities = new ClassProbabilities(isRight ? [0.75, 0.25] : [0.25, 0.75]),
            Metadata = new Dictionary<string, string> { ["light"] = light },
        };
}
