using AgCam.Audit.Findings;
using AgCam.Pipeline.Records;
using Xunit;

namespace AgCam.Audit.Tests;

public class PropertyFindingTests
{
    private const int Classes = 5;
    private static readonly ClassNames Names = new(Classes, ["cat", "dog", "owl", "fox", "bee"]);

    [Fact]
    public void Class_of_dark_pictures_is_the_only_issue_and_the_sentence_says_which_bin()
    {
        var found = Found((facts, label) => label == 2 ? facts with { Brightness = 0.125f } : facts);
        Assert.Equal([2], found.Where(judged => judged.IsIssue).Select(judged => judged.Class));
        Assert.Equal(2, found[0].Class);
        Assert.Matches(
            "^brightness tells [0-9]+ % of the information on whether an image is owl: 100 % of its images have a mean luma below "
                + "0\\.[0-9]+, of other classes [0-9]+ %$",
            found[0].Reason
        );
        Assert.InRange(found[0].PValue!.Value, 0, 1e-6);
        Assert.Equal([2, 7, 12], found[0].Examples);
    }

    [Fact]
    public void Class_that_a_size_an_aspect_a_blur_or_a_bit_of_the_hash_gives_away_is_found()
    {
        Assert.StartsWith("size tells", Found((facts, label) => label == 1 ? facts with { Width = 1280, Height = 960 } : facts)[0].Reason);
        Assert.StartsWith("aspect tells", Found((facts, label) => label == 1 ? facts with { Width = 480, Height = 640 } : facts)[0].Reason);
        Assert.StartsWith("blur tells", Found((facts, label) => label == 1 ? facts with { Blur = 9000 } : facts)[0].Reason);
        // Bit 3 from the left belongs to cells 4 and 5 of the first row.
        var bit = Found((facts, label) => facts with { PerceptualHash = WithBit(facts.PerceptualHash, 3, label == 1) })[0];
        Assert.Contains("100 % of its images are brighter in cell 4 than in cell 5 of row 1", bit.Reason, StringComparison.Ordinal);
        Assert.Contains("of other classes 0 %", bit.Reason, StringComparison.Ordinal);
        Assert.InRange(bit.Score, 0, 0.02); // the bit tells the class; the bias correction takes less than 2 %
    }

    [Fact]
    public void Independent_properties_give_no_issue_in_twenty_seeds() =>
        Assert.All(Enumerable.Range(0, 20), seed => Assert.DoesNotContain(Found((facts, _) => facts, seed), judged => judged.IsIssue));

    [Fact]
    public void Test_equals_the_g_test_of_the_table()
    {
        // Of 40 cats 30 have the bit, of 60 dogs 20: G = 2 sum O ln(O / E) = 17.261, with 1 degree of freedom p = 3.26e-5.
        var rows = Enumerable
            .Range(0, 100)
            .Select(number =>
                Some.Row(number, number < 40 ? 0 : 1) with
                {
                    Picture = Some.Picture with { PerceptualHash = number < 30 || number >= 80 ? 1 : 0 },
                }
            );
        var found = Some.Fitted(() => new PropertyFinding(), rows).Classes(Names).Single(judged => judged.Class == 0);
        var g = 2 * ((30 * Math.Log(30 / 20.0)) + (10 * Math.Log(10 / 20.0)) + (20 * Math.Log(20 / 30.0)) + (40 * Math.Log(40 / 30.0)));
        var p = MathNet.Numerics.SpecialFunctions.Erfc(Math.Sqrt(g / 2)); // chi-square of one degree
        Assert.Equal(68 * p, found.PValue!.Value, 1e-12);
        var entropy = -((40 * Math.Log(0.4)) + (60 * Math.Log(0.6)));
        Assert.Equal(((g / 2) - 0.5) / entropy, 1 - found.Score, 1e-12);
    }

    [Fact]
    public void Class_with_fewer_than_twenty_images_is_not_judged()
    {
        var rows = Rows((facts, _) => facts, 0).Take(95).Concat(Enumerable.Range(200, 1).Select(number => Some.Row(number, 0)));
        Assert.Empty(Some.Fitted(() => new PropertyFinding(), rows).Classes(Names));
    }

    [Fact]
    public void Result_is_equal_for_any_order_and_any_shards()
    {
        var rows = Rows((facts, label) => label == 4 ? facts with { Blur = 9000 } : facts, 3);
        var expected = Some.Fitted(() => new PropertyFinding(), rows).Classes(Names);
        rows.Reverse();
        var actual = Some.Fitted(() => new PropertyFinding(), rows, shards: 4).Classes(Names);
        Assert.Equal(expected.Select(Text), actual.Select(Text));

        static string Text(FoundClass found) =>
            $"{found.Class} {found.Score:R} {found.PValue:R} {found.Reason} {string.Join(' ', found.Examples)}";
    }

    private static IReadOnlyList<FoundClass> Found(Func<PictureFacts, int, PictureFacts> plant, int seed = 0) =>
        Some.Fitted(() => new PropertyFinding(), Rows(plant, seed)).Classes(Names);

    /// <summary>Returns 60 images of each class with random facts that do not depend on the class.</summary>
    private static List<AuditRow> Rows(Func<PictureFacts, int, PictureFacts> plant, int seed)
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable
                .Range(0, 60 * Classes)
                .Select(number =>
                {
                    var facts = Some.Picture with
                    {
                        Brightness = 0.2f + (0.6f * random.NextSingle()),
                        Blur = 1000 * random.NextSingle(),
                        PerceptualHash = random.NextInt64(),
                    };
                    return Some.Row(number, number % Classes) with { Picture = plant(facts, number % Classes) };
                }),
        ];
    }

    private static long WithBit(long hash, int index, bool isSet)
    {
        var bit = unchecked((long)(1UL << (63 - index)));
        return isSet ? hash | bit : hash & ~bit;
    }
}
