using AgCam.Audit.Findings;
using Xunit;

namespace AgCam.Audit.Tests;

public class FixedPositionFindingTests
{
    private const int Classes = 8;
    private static readonly ClassNames Names = new(Classes);

    [Fact]
    public void Class_whose_maps_peak_at_one_patch_comes_first_and_is_the_only_candidate()
    {
        var found = Found(row => row.Label == 3 ? 6 : null);
        Assert.Equal(3, found[0].Class);
        Assert.Equal([3], found.Where(judged => judged.IsIssue).Select(judged => judged.Class));
        Assert.Equal([(0, 6)], found[0].Patches);
        Assert.InRange(found[0].PValue!.Value, 0, 1e-9);
    }

    [Fact]
    public void Mark_that_moves_between_the_corners_is_found_by_its_peaks()
    {
        int[] corners = [0, 6, 42, 48];
        var found = Found(row => row.Label == 5 ? corners[row.Number / Classes % 4] : null);
        Assert.Equal([5], found.Where(judged => judged.IsIssue).Select(judged => judged.Class));
        Assert.Equal([(0, 0), (0, 6), (6, 0), (6, 6)], found[0].Patches);
    }

    [Fact]
    public void Without_a_mark_no_class_is_a_candidate_in_twenty_seeds() =>
        Assert.All(Enumerable.Range(0, 20), seed => Assert.DoesNotContain(Found(_ => null, seed), judged => judged.IsIssue));

    [Fact]
    public void Result_is_equal_for_any_order_and_any_shards()
    {
        var rows = Rows(row => row.Label == 3 ? 6 : null, 0);
        var expected = Some.Fitted(() => new FixedPositionFinding(), rows).Classes(Names);
        rows.Reverse();
        var actual = Some.Fitted(() => new FixedPositionFinding(), rows, shards: 4).Classes(Names);
        Assert.Equal(expected.Select(Text), actual.Select(Text));

        static string Text(FoundClass found) =>
            $"{found.Class} {found.Score:R} {found.PValue:R} {found.Reason} "
            + $"{string.Join(' ', found.Patches)} {string.Join(' ', found.Examples)}";
    }

    [Fact]
    public void Peak_test_equals_the_hypergeometric_distribution()
    {
        // 10 of 40 images are of class 0, and 8 of the 12 peaks at patch 0 are theirs.
        // P(at least 8) = sum of C(12, k) C(28, 10 - k) / C(40, 10).
        // Class 0 has less heat there than class 1, so that only its peaks count. Two tests are made on each of 4 patches.
        var rows = Enumerable
            .Range(0, 40)
            .Select(number =>
                Some.Row(number, number < 10 ? 0 : 1) with
                {
                    Map = number switch
                    {
                        < 8 or >= 36 => Some.Map(1.001f, 1, 1, 1),
                        < 10 => Some.Map(0, 1, 1, 1),
                        _ => Some.Map(0.999f, 1, 1, 1),
                    },
                }
            );
        var found = Some.Fitted(() => new FixedPositionFinding(), rows).Classes(new ClassNames(2)).Single(judged => judged.Class == 0);
        var tail = Enumerable.Range(8, 3).Sum(k => Choose(12, k) * Choose(28, 10 - k)) / Choose(40, 10);
        Assert.Equal(8 * tail, found.PValue!.Value, 1e-12);

        static double Choose(int n, int k) => Enumerable.Range(1, k).Aggregate(1.0, (product, i) => product * (n - k + i) / i);
    }

    private static IReadOnlyList<FoundClass> Found(Func<AuditRow, int?> mark, int seed = 0) =>
        Some.Fitted(() => new FixedPositionFinding(), Rows(mark, seed)).Classes(Names);

    /// <summary>Returns 50 images of each class, with peaks at random patches unless marked.</summary>
    private static List<AuditRow> Rows(Func<AuditRow, int?> mark, int seed)
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable
                .Range(0, 50 * Classes)
                .Select(number => Some.Row(number, number % Classes))
                .Select(row => row with { Map = Some.Map((seed * 1000) + (int)row.Number, mark(row) ?? random.Next(49)) }),
        ];
    }
}
