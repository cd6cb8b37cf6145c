using AgCam.Audit.Findings;
using Xunit;

namespace AgCam.Audit.Tests;

/// <summary>Tests clusters of embeddings of width 8 and maps of 7 x 7, with classifier rows of ones.</summary>
public class ClustersFindingTests
{
    private const int Classes = 4;
    private const int Width = 8;
    private const int MarkedPatch = 6;

    private static readonly ClassNames Names = new(Classes, ["cat", "dog", "owl", "fox"]);

    [Fact]
    public void Class_with_a_few_marked_images_is_the_only_issue_and_its_group_is_named()
    {
        var found = Fitted(Rows(0, IsMarked)).Classes(Names);
        Assert.Equal([1], found.Where(judged => judged.IsIssue).Select(judged => judged.Class));
        Assert.Equal(1, found[0].Class);
        Assert.StartsWith("10 of 60 sampled images of dog lie apart: the split explains 9", found[0].Reason);
        Assert.EndsWith("% of the variance of its component, which raises the logit of the class by 5.0 there", found[0].Reason);
        Assert.Contains((0, MarkedPatch), found[0].Patches);
        Assert.Equal(3, found[0].Examples.Count);
        Assert.All(found[0].Examples, number => Assert.True(IsMarked((int)number)));
    }

    [Fact]
    public void Group_without_the_mark_is_named_with_the_patches_of_the_mark()
    {
        var found = Fitted(Rows(0, number => number % Classes == 1 && !IsMarked(number))).Classes(Names)[0];
        Assert.True(found.IsIssue);
        Assert.Contains("which lowers the logit of the class by 4.9 there", found.Reason, StringComparison.Ordinal);
        Assert.Equal([(0, MarkedPatch)], found.Patches);
        Assert.All(found.Examples, number => Assert.True(IsMarked((int)number)));
    }

    [Fact]
    public void Class_without_groups_is_no_issue_in_twenty_seeds() =>
        Assert.All(
            Enumerable.Range(0, 20),
            seed => Assert.DoesNotContain(Fitted(Rows(seed, _ => false)).Classes(Names), judged => judged.IsIssue)
        );

    [Fact]
    public void Part_of_the_embedding_that_the_class_does_not_read_forms_no_group()
    {
        float[] row = [0, 1, 1, 1, 1, 1, 1, 1]; // the mark is in the first value
        var rows = new ClassifierRows(Classes, Width, [.. Enumerable.Repeat(row, Classes).SelectMany(values => values)]);
        var images = Rows(0, IsMarked).Select(image => image with { Map = Some.Map((int)image.Number, 24) });
        Assert.DoesNotContain(Some.Fitted(() => new ClustersFinding(Classes, rows), images).Classes(Names), judged => judged.IsIssue);
    }

    [Fact]
    public void Sample_and_result_are_equal_for_any_order_and_any_shards()
    {
        // 2,000 classes leave 25 images a class of 60.
        var rows = Rows(0, IsMarked);
        var expected = Fitted(rows, classes: 2000).Classes(Names);
        Assert.Contains("25 sampled images", expected[0].Reason, StringComparison.Ordinal);
        rows.Reverse();
        Assert.Equal(expected.Select(Text), Fitted(rows, 4, 2000).Classes(Names).Select(Text));

        static string Text(FoundClass found) =>
            $"{found.Class} {found.Score:R} {found.Reason} {string.Join(' ', found.Patches)} {string.Join(' ', found.Examples)}";
    }

    [Fact]
    public void Copies_of_a_file_are_one_image()
    {
        var rows = Rows(0, IsMarked);
        var expected = Fitted(rows).Classes(Names)[0];
        var copies = rows.Where(row => IsMarked((int)row.Number)).Select(row => row with { Number = row.Number + 1000 });
        var actual = Fitted([.. copies, .. rows]).Classes(Names)[0];
        Assert.Equal((expected.Reason, expected.Score), (actual.Reason, actual.Score));
        Assert.Equal(expected.Examples, actual.Examples);
    }

    [Fact]
    public void Without_the_classifier_or_twenty_images_no_class_is_judged()
    {
        Assert.Empty(Some.Fitted(() => new ClustersFinding(Classes, null), Rows(0, IsMarked)).Classes(Names));
        Assert.Empty(Fitted(Rows(0, IsMarked).Where(row => row.Number < 19 * Classes)).Classes(Names));
    }

    [Fact]
    public void Principal_components_of_a_known_covariance_are_its_axes_in_falling_order()
    {
        double[][] rows =
        [
            [3, 0, 1],
            [-3, 0, 1],
            [0, 2, 1],
            [0, -2, 1],
        ];
        var found = PrincipalComponents.Of(rows, 5);
        Assert.Equal(2, found.Count); // the third axis has no variance
        Assert.Equal([1, 0, 0], found[0].Direction.Select(value => Math.Round(Math.Abs(value), 6)));
        Assert.Equal([0, 1, 0], found[1].Direction.Select(value => Math.Round(Math.Abs(value), 6)));
        Assert.Equal([0, 0, 2, 2], found[1].Coordinates.Select(value => Math.Round(Math.Abs(value), 6)));
    }

    /// <summary>Every sixth image of class 1.</summary>
    private static bool IsMarked(int number) => number % Classes == 1 && number / Classes % 6 == 0;

    private static ClustersFinding Fitted(IEnumerable<AuditRow> rows, int shards = 1, int classes = Classes) =>
        Some.Fitted(
            () => new ClustersFinding(classes, new ClassifierRows(classes, Width, [.. Enumerable.Repeat(1f, classes * Width)])),
            rows,
            shards
        );

    /// <summary>Returns 60 images of each class. Marked ones have a value of 5 more, and their peak at the mark.</summary>
    private static List<AuditRow> Rows(int seed, Func<int, bool> isMarked)
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable
                .Range(0, 60 * Classes)
                .Select(number =>
                {
                    var embedding = new float[Width];
                    foreach (ref var value in embedding.AsSpan())
                        value = random.NextSingle();
                    embedding[0] += isMarked(number) ? 5 : 0;
                    return Some.Row(number, number % Classes) with
                    {
                        Sha256 = Some.File(number),
                        Embedding = embedding,
                        Map = Some.Map(random.Next(), isMarked(number) ? MarkedPatch : random.Next(49)),
                    };
                }),
        ];
    }
}
