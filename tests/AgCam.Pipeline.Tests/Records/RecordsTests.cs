using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;
using FsCheck.Xunit;
using Xunit;

namespace AgCam.Pipeline.Tests.Records;

public sealed class RecordsTests
{
    private static readonly ExplanationRecipe Recipe = new(Some.Digest("model"), "vit/1", "squash 224 bicubic/1", "agcam/1", "float32");

    /// <summary>
    /// The id of a stored explanation must not change between versions. The expected ones were computed with Python's hashlib from the
    /// documented scheme.
    /// </summary>
    [Fact]
    public void Explanation_id_follows_the_documented_scheme()
    {
        var zero = Digest.Parse(new string('0', 64));
        var id = ExplanationId.Compute(zero, new ExplanationRecipe(zero, "s", "p", "m", "float32"), ["predicted", "label:größe"]);

        Assert.Equal("3e128301e4819067a011aca2897027edd7da548cff2eb5f1935d9b0f62e709a9", id.ToString());
    }

    [Fact]
    public void Explanation_id_changes_with_everything_that_changes_the_numbers()
    {
        var image = Some.Digest("image");
        var ids = new[]
        {
            ExplanationId.Compute(image, Recipe, ["predicted"]),
            ExplanationId.Compute(Some.Digest("other"), Recipe, ["predicted"]),
            ExplanationId.Compute(image, Recipe with { Model = Some.Digest("other") }, ["predicted"]),
            ExplanationId.Compute(image, Recipe with { Preprocessing = "squash 224 bicubic/2" }, ["predicted"]),
            ExplanationId.Compute(image, Recipe with { Method = "agcam/2" }, ["predicted"]),
            ExplanationId.Compute(image, Recipe with { Dtype = "float16" }, ["predicted"]),
            ExplanationId.Compute(image, Recipe with { Embedding = true }, ["predicted"]),
            ExplanationId.Compute(image, Recipe, ["top:5"]),
            ExplanationId.Compute(image, Recipe, ["predicted", "top:5"]),
            ExplanationId.Compute(image, Recipe, ["top:5", "predicted"]),
            ExplanationId.Compute(image, Recipe, ["predictedtop:5"]),
        };

        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.Equal(ids[0], ExplanationId.Compute(image, Recipe with { }, ["predicted"]));
    }

    [Fact]
    public void Request_id_is_a_version_8_guid_of_its_key()
    {
        var id = RequestId.Of("monday");

        Assert.Equal(id, RequestId.Of("monday"));
        Assert.NotEqual(id, RequestId.Of("Monday"));
        Assert.Equal((8, "d618fb15-7a4b-882e-92fc-d4a830c5fa8a"), (id.Version, id.ToString()));
    }

    [Fact]
    public void Hundred_highest_logits_are_kept_highest_first()
    {
        var random = new Random(5);
        // Values that float16 cannot represent, with ties.
        var logits = Enumerable.Range(0, 1000).Select(_ => (float)(random.Next(-400, 400) / 10.0)).ToArray();

        var top = TopLogits.From(logits);

        var expected = logits
            .Select((value, @class) => (value, @class))
            .OrderByDescending(pair => pair.value)
            .ThenBy(pair => pair.@class)
            .Take(100)
            .ToList();
        Assert.Equal(expected, Enumerable.Range(0, top.Count).Select(rank => (top.Value(rank), top.Class(rank))));
        Assert.Equal(expected[40].value, top.Find(expected[40].@class));
        Assert.Null(top.Find(Array.IndexOf(logits, logits.Min())));
        Assert.Equal(3, TopLogits.From([1, 2, 3]).Count);
        Assert.Throws<ArgumentException>(() => TopLogits.From(new float[65_537]));
        Assert.Equal(65_535, TopLogits.From([.. Enumerable.Range(0, 65_536).Select(i => (float)i)]).Class(0));
    }

    [Property]
    public void Highest_logits_equal_those_of_a_full_sort(float[] some, ushort classes)
    {
        var logits = Enumerable
            .Range(0, classes % 3000)
            .Select(i => some.Length == 0 ? 0 : some[i * 7 % some.Length] * (i % 5 - 2))
            .ToArray(); // with NaN, infinities, -0 and many ties

        var top = TopLogits.From(logits);

        // The runtime's order: NaN is lowest, -0 equals 0. The lower class wins a tie.
        var expected = Enumerable.Range(0, logits.Length).OrderByDescending(i => logits[i]).Take(100);
        Assert.Equal(expected, Enumerable.Range(0, top.Count).Select(top.Class));
    }

    [Fact]
    public void Map_is_stored_as_float16_and_its_sums_at_full_precision()
    {
        var map = TargetMap.From(["predicted"], 3, "cat", 2, 2, [0.1f, 1f, 2f, 65504f]);

        Assert.Equal([(float)(Half)0.1f, 1f, 2f, 65504f], map.Values());
        Assert.Equal((0.1f, 65504f, 65507.1f), (map.Min, map.Max, map.Sum));
        Assert.Equal([0x66, 0x2E, 0x00, 0x3C], map.Map[..4]);
        Assert.Throws<ArgumentException>(() => TargetMap.From(["predicted"], 3, "cat", 2, 2, [1f]));
    }

    [Theory]
    [InlineData("predicted", true)]
    [InlineData("Top:3", true)]
    [InlineData("label:2", true)]
    [InlineData("label", true)]
    [InlineData("predicted-vs-label", true)]
    [InlineData("label:21", false)]
    [InlineData("top", false)]
    public void A_map_is_found_by_each_of_its_targets(string target, bool found)
    {
        var map = TargetMap.From(["predicted", "top:3", "label:2", "predicted-vs-label:2"], 3, "cat", 1, 1, [1f]);
        Assert.Equal(found, map.Is(target));
    }

    [Fact]
    public void Explanation_is_compact_and_round_trips()
    {
        var explanation = Some.Explanation(4, classes: 1000) with { LabelLogit = -3.5f, Embedding = new byte[2 * 768] };
        explanation.Embedding[^1] = 0x3C;

        var bytes = ExplanationDocument.Encode(explanation);

        Assert.Equal(bytes, ExplanationDocument.Encode(ExplanationDocument.Decode(explanation.Id, bytes)));
        Assert.Equal(["predicted", "class:0"], ExplanationDocument.Decode(explanation.Id, bytes).Maps[0].Targets);
        Assert.Equivalent(explanation.Maps[0].Values(), ExplanationDocument.Decode(explanation.Id, bytes).Maps[0].Values(), strict: true);
        Assert.Equal(explanation.Embedding, ExplanationDocument.Decode(explanation.Id, bytes).Embedding);
        var without = ExplanationDocument.Encode(explanation with { Embedding = null }).Length;
        Assert.InRange(without, 900, 1700);
        Assert.InRange(bytes.Length - without, 2 * 768, (2 * 768) + 32);
    }

    [Fact]
    public void Spec_is_equal_with_its_options_in_another_order()
    {
        var item = Some.Spec() with
        {
            Options = new Dictionary<string, string> { ["a"] = "1", ["b"] = "2" },
        };
        var two = Some.Spec() with
        {
            Options = new Dictionary<string, string> { ["b"] = "2", ["a"] = "1" },
        };

        Assert.Equal(item.Hash(), two.Hash());
        Assert.NotEqual(item.Hash(), (item with { Threshold = 0.6 }).Hash());
        Assert.NotEqual(item.Hash(), (item with { Options = null }).Hash());
    }

    /// <summary>
    /// Names, not numbers, so that a new enum member changes nothing stored. A spec without an evaluation contains none of it, so its
    /// hash stays the same.
    /// </summary>
    [Fact]
    public void Metrics_are_stored_by_name_and_only_in_evaluations()
    {
        var stored = System.Text.Encoding.Latin1.GetString(Bson.Encode(Some.Evaluation("/val")));
        Assert.All(new[] { "Localization", "Pointing", "Auto", "None" }, name => Assert.Contains(name, stored, StringComparison.Ordinal));
        Assert.Equal(Some.Evaluation("/val").Hash(), Bson.Decode<JobSpec>(Bson.Encode(Some.Evaluation("/val"))).Hash());
        Assert.DoesNotContain("valuation", System.Text.Encoding.Latin1.GetString(Bson.Encode(Some.Spec())), StringComparison.Ordinal);
        Assert.DoesNotContain("valuation", System.Text.Json.JsonSerializer.Serialize(Some.Spec()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("zz00000000000000000000000000000000000000000000000000000000000000")]
    public void Invalid_digest_is_refused(string text) => Assert.Throws<FormatException>(() => Digest.Parse(text));
}
