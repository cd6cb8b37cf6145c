using AgCam.Audit.Findings;
using Xunit;

namespace AgCam.Audit.Tests;

public class ClassFindingTests
{
    private static readonly ClassNames Names = new(3, ["cat", "dog", "owl"]);

    [Fact]
    public void Class_is_confused_with_the_one_that_it_is_most_often_predicted_as()
    {
        int[] predictedOfCats = [0, 0, 0, 0, 1, 1, 1, 2, 0, 0];
        var rows = predictedOfCats
            .Select((predicted, number) => Row(number, 0, predicted))
            .Concat(Enumerable.Range(10, 30).Select(number => Row(number, 1, number == 10 ? 2 : 1)));
        var found = Some.Fitted(() => new ConfusionFinding(3), rows, shards: 3).Classes(Names);
        Assert.Equal([(0, true, 0.7), (1, false, 1 - (1 / 30.0))], found.Select(judged => (judged.Class, judged.IsIssue, judged.Score)));
        Assert.Equal("3 of 10 images labelled cat are predicted as dog (30.0 %)", found[0].Reason);
        Assert.Equal([4, 5, 6], found[0].Examples);
    }

    [Fact]
    public void Image_unlike_the_others_of_its_class_is_atypical_in_any_order_and_shards()
    {
        var rows = Enumerable
            .Range(0, 24)
            .Select(number => Row(number, number % 2, 0) with { Embedding = number == 6 ? [-1, 0.1f] : [1, 0.01f * number] })
            .ToList();
        var expected = Scores(1);
        rows.Reverse();
        Assert.Equal(expected, Scores(4));
        var atypical = Assert.Single(expected, score => score.Value!.Value.IsIssue);
        Assert.Equal(6, atypical.Key);

        SortedDictionary<long, ImageScore?> Scores(int shards)
        {
            var finding = Some.Fitted(() => new AtypicalFinding(), rows, shards);
            return new SortedDictionary<long, ImageScore?>(rows.ToDictionary(row => row.Number, finding.Score));
        }
    }

    [Fact]
    public void Class_with_fewer_than_ten_images_has_no_atypical_ones()
    {
        var rows = Enumerable.Range(0, 9).Select(number => Row(number, 0, 0) with { Embedding = [1, number] }).ToList();
        var finding = Some.Fitted(() => new AtypicalFinding(), rows);
        Assert.All(rows, row => Assert.Null(finding.Score(row)));
    }

    private static AuditRow Row(long number, int label, int predicted) =>
        Some.Row(number, label) with
        {
            Probabilities = new ClassProbabilities([predicted], [1.0], 3),
        };
}
