using AgCam.Audit.Findings;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Audit.Tests;

public class LabelFindingTests
{
    private static readonly ClassNames Names = new(3, ["cat", "dog", "fox"]);

    [Fact]
    public void Score_is_the_probability_of_the_given_label()
    {
        var finding = new LabelFinding(3);
        var row = Row(0, 1, 0.7, 0.25, 0.05);
        finding.Fit(row);
        Assert.Equal(0.25, finding.Score(row)!.Value.Value);
    }

    [Fact]
    public void Image_counts_when_its_label_is_below_the_threshold_and_another_class_is_predicted()
    {
        var finding = new LabelFinding(3, threshold: 0.2);
        AuditRow[] rows = [Row(0, 0, 0.19, 0.41, 0.4), Row(1, 0, 0.21, 0.4, 0.39), Row(2, 1, 0.05, 0.9, 0.05), Row(3, 2, 0, 0.01, 0.99)];
        foreach (var row in rows)
            finding.Fit(row);
        Assert.Equal([true, false, false, false], rows.Select(row => finding.Score(row)!.Value.IsIssue));
    }

    /// <summary>The mean self-confidence of dog is 0.45, that of cat 0.6: 0.5 reaches dog's mean, 0.45 does not reach cat's.</summary>
    [Fact]
    public void Confident_learning_flags_an_image_whose_other_class_reaches_its_mean_confidence()
    {
        var finding = new LabelFinding(3, threshold: 0);
        AuditRow[] rows = [Row(0, 0, 0.75, 0.2, 0.05), Row(1, 0, 0.45, 0.5, 0.05), Row(2, 1, 0.5, 0.45, 0.05)];
        foreach (var row in rows)
            finding.Fit(row);
        Assert.Equal([false, true, false], rows.Select(finding.IsConfident));
        Assert.Equal(1, finding.Score(rows[1])!.Value.Likely);
    }

    [Fact]
    public void Class_without_labelled_images_is_never_flagged_by_confident_learning()
    {
        var finding = new LabelFinding(3, threshold: 0);
        var row = Row(0, 0, 0.2, 0.1, 0.7);
        finding.Fit(row);
        Assert.False(finding.IsConfident(row));
    }

    [Fact]
    public void Image_without_a_label_has_no_score() => Assert.Null(new LabelFinding(3).Score(Row(0, null, 0.2, 0.1, 0.7)));

    [Fact]
    public void Explanation_names_the_given_and_the_likely_class_with_their_probabilities()
    {
        var finding = new LabelFinding(3);
        var row = Row(0, 0, 0.004, 0.996, 0);
        finding.Fit(row);
        Assert.Equal("labelled cat (0.4 %), but the model says dog (99.6 %)", finding.Explain(row, Names));
    }

    [Property(MaxTest = 50)]
    public void Report_is_equal_for_any_order_and_any_shards(int seed)
    {
        var random = new Random(seed);
        var rows = Enumerable.Range(0, 60).Select(number => RandomRow(number, random)).ToList();
        var whole = Fitted(rows);
        var shards = rows.OrderBy(_ => random.Next()).GroupBy(_ => random.Next(4)).Select(shard => Fitted([.. shard])).ToList();
        foreach (var shard in shards.Skip(1))
            shards[0].Merge(shard);
        Assert.Equal(rows.Select(whole.Score), rows.Select(shards[0].Score));
    }

    private static LabelFinding Fitted(IReadOnlyList<AuditRow> rows)
    {
        var finding = new LabelFinding(3);
        foreach (var row in rows)
            finding.Fit(row);
        return finding;
    }

    private static AuditRow RandomRow(int number, Random random)
    {
        double[] weights = [random.NextDouble(), random.NextDouble(), random.NextDouble()];
        return Row(number, random.Next(4) is var label and < 3 ? label : null, [.. weights.Select(weight => weight / weights.Sum())]);
    }

    private static AuditRow Row(long number, int? label, params double[] probabilities) =>
        new(number, $"{number}.jpg") { Label = label, Probabilities = new ClassProbabilities(probabilities) };
}
