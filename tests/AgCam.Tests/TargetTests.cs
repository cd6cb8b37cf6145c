using Xunit;

namespace AgCam.Tests;

public class TargetTests
{
    private static readonly ClassNames Classes = new(
        4,
        ["tabby, tabby cat", "fire_truck", "3", "cat-vs-dog"],
        ["n02123045", "n03345487", "n00000001", "n00000002"]
    );
    private static readonly float[] Logits = [1, 4, 3, 2];

    [Theory]
    [InlineData("predicted", 1)]
    [InlineData("PREDICTED", 1)]
    [InlineData("label", 0)]
    [InlineData("tabby", 0)]
    [InlineData("Tabby Cat", 0)]
    [InlineData("tabby, tabby cat", 0)]
    [InlineData("fire truck", 1)]
    [InlineData("n03345487", 1)]
    [InlineData("1", 1)]
    [InlineData("class:tabby", 0)]
    [InlineData("cat-vs-dog", 3)]
    public void Class_is_found_by_index_name_synonym_and_WordNet_id(string text, int expected) =>
        Assert.Equal([new ResolvedTarget(expected)], Target.Parse(text, Classes).Resolve(Logits, label: 0));

    [Fact]
    public void Name_wins_over_an_index_that_reads_the_same() =>
        Assert.Equal([new ResolvedTarget(2)], Target.Parse("3", Classes).Resolve(Logits, null));

    [Fact]
    public void Top_k_gives_the_highest_logits_highest_first() =>
        Assert.Equal([new ResolvedTarget(1), new ResolvedTarget(2)], Target.Parse("top:2", Classes).Resolve(Logits, null));

    [Theory]
    [InlineData("predicted-vs-label", 1, 0)]
    [InlineData("tabby-vs-fire truck", 0, 1)]
    [InlineData("cat-vs-dog-vs-tabby", 3, 0)]
    public void Contrastive_target_names_both_sides(string text, int side, int against) =>
        Assert.Equal([new ResolvedTarget(side, against)], Target.Parse(text, Classes).Resolve(Logits, label: 0));

    [Fact]
    public void Target_that_needs_a_label_resolves_to_nothing_without_one()
    {
        Assert.Empty(Target.Parse("label", Classes).Resolve(Logits, null));
        Assert.Empty(Target.Parse("predicted-vs-label", Classes).Resolve(Logits, null));
    }

    [Fact]
    public void Class_against_itself_resolves_to_nothing() =>
        Assert.Empty(Target.Parse("predicted-vs-label", Classes).Resolve(Logits, label: 1));

    [Fact]
    public void Unknown_name_is_an_error_that_offers_the_nearest_ones()
    {
        var error = Assert.Throws<TargetException>(() => Target.Parse("fire trick", Classes));
        Assert.Contains("\"fire trick\"", error.Message);
        Assert.Contains("fire_truck", error.Message);
    }

    [Theory]
    [InlineData("top3", "did you mean top:3?")]
    [InlineData("Top-12", "did you mean top:12?")]
    [InlineData("4", "class indices go from 0 to 3")]
    [InlineData("class:4", "class indices go from 0 to 3")]
    [InlineData("class:fire trick", "no class has the name \"fire trick\"; the nearest of 4 classes are \"fire_truck\" (1)")]
    public void Mistyped_target_is_answered_with_the_nearest_valid_one(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<TargetException>(() => Target.Parse(text, Classes)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("top:0")]
    [InlineData("top:5")]
    [InlineData("top:many")]
    [InlineData("4")]
    [InlineData("-1")]
    [InlineData("")]
    public void Unknown_target_is_refused(string text) => Assert.Throws<TargetException>(() => Target.Parse(text, Classes));

    [Fact]
    public void Identity_contains_the_class_of_the_label()
    {
        Assert.Equal("label:2", Target.Parse("label", Classes).Canonical(2));
        Assert.Equal("predicted-vs-label:2", Target.Parse("predicted-vs-label", Classes).Canonical(2));
        Assert.Equal("class:0", Target.Parse("tabby", Classes).Canonical(2));
    }

    [Fact]
    public void Synonym_that_two_classes_share_names_neither()
    {
        var classes = new ClassNames(2, ["crane, bird", "crane, machine"]);
        Assert.Equal(-1, classes.Find("crane"));
        Assert.Equal(1, classes.Find("machine"));
        Assert.Contains("more than one", Assert.Throws<TargetException>(() => Target.Parse("crane", classes)).Message);
    }
}
