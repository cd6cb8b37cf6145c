using AgCam.Attribution;
using AgCam.Models;
using AgCam.Native;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Tests.Attribution;

/// <summary>Every model fixture, against numbers of an independent program.</summary>
[Trait("Category", "numerical")]
public class GoldenModels
{
    static GoldenModels() => NativeBackend.Load();

    public static TheoryData<string> Cases()
    {
        var cases = new TheoryData<string>();
        foreach (var folder in Directory.EnumerateDirectories(Fixture.Path("models")).Order(StringComparer.Ordinal))
            cases.Add(Path.GetFileName(folder));
        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Logits_equal_the_golden_ones_with_and_without_an_explanation(string name)
    {
        using var test = new LoadedFixture(name);
        using var inference = inference_mode();
        using var pass = test.Model.Forward(test.Golden["input"]);
        Assert.InRange((pass.Logits - test.Golden["logits"]).abs().max().item<float>(), 0, 1e-4);
        Assert.InRange((test.Model.Logits(test.Golden["input"]) - test.Golden["logits"]).abs().max().item<float>(), 0, 1e-4);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Embedding_is_the_class_token_after_the_final_norm(string name)
    {
        using var scope = NewDisposeScope();
        using var test = new LoadedFixture(name);
        using var wide = new LoadedFixture(name, ScalarType.Float64);
        using var inference = inference_mode();
        using var pass = test.Model.Forward(test.Golden["input"]);
        var x = wide.Model.Embed(test.Golden["input"].to(float64)); // [B, N, C]
        foreach (var block in wide.Model.Blocks)
            x = block.Forward(x);
        var expected = wide.Model.Norm.Forward(x).select(1, 0); // [B, C]
        for (var image = 0; image < expected.shape[0]; image++)
            Assert.InRange(Golden.RelativeError(pass.Embedding[image], expected[image]), 0, 1e-5);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Head_applied_to_the_float16_embedding_gives_the_golden_logits(string name)
    {
        using var scope = NewDisposeScope();
        using var test = new LoadedFixture(name);
        using var inference = inference_mode();
        if (test.Model.Config.Distilled)
            return; // its logits depend on the distillation token too
        using var pass = test.Model.Forward(test.Golden["input"]);
        var head = test.Model.ClassHead;
        var logits = head.Forward(pass.Embedding.to(float16).to(float32)); // [B, classes]
        var rounding = pass.Embedding.abs().matmul(head.Weight.abs().t()) * Math.ScaleB(1, -11); // of every product
        var excess = (logits - test.Golden["logits"]).abs() - rounding;
        Assert.InRange(excess.max().item<float>(), float.NegativeInfinity, 1e-4);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Ag_cam_equals_the_golden_maps_for_all_targets_of_one_forward_pass(string name)
    {
        using var test = new LoadedFixture(name);
        using var inference = inference_mode();
        using var pass = test.Model.Forward(test.Golden["input"]);
        var (maps, _) = AttentionGuidedCam.Maps(test.Model, pass, test.Golden["targets"]);
        for (var image = 0; image < maps.shape[0]; image++)
        for (var target = 0; target < maps.shape[1]; target++)
            Assert.InRange(Golden.RelativeError(maps[image, target], test.Golden["agcam"][image, target]), 0, 1e-5);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Rollout_equals_the_golden_maps(string name)
    {
        using var test = new LoadedFixture(name);
        Assert.InRange(Golden.RelativeError(AttentionRollout.Maps(test.Model, test.Golden["input"]), test.Golden["rollout"]), 0, 1e-5);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Generic_attention_relevance_equals_the_golden_maps(string name)
    {
        using var test = new LoadedFixture(name);
        var maps = GenericAttention.Maps(test.Model, test.Golden["input"], test.Golden["targets"].narrow(1, 0, 1)).squeeze(1);
        Assert.InRange(Golden.RelativeError(maps, test.Golden["generic_attention"]), 0, 1e-5);
    }

    /// <summary>
    /// LRP divides by sums that nearly cancel, so float32 does not determine every map to the same digit. The reference is float64. What
    /// float32 determines is the effect of rounding every weight and pixel, 2^-24 of its value, on the float64 map. Float32 also rounds
    /// every intermediate value: it errs by 0.3 to 6 times that effect's root mean square. Above 1e-2 float32 determines nothing.
    /// </summary>
    [Fact]
    public void Transformer_attribution_equals_the_golden_maps_of_plain_models_as_far_as_float32_determines_them()
    {
        var (seen, determined) = (0, 0);
        foreach (var name in Cases().Select(row => row.Data))
        {
            using var scope = NewDisposeScope();
            using var test = new LoadedFixture(name);
            if (!test.Golden.Has("transformer_attribution"))
                continue;
            var (input, target) = (test.Golden["input"], test.Golden["targets"].narrow(1, 0, 1));
            var golden = test.Golden["transformer_attribution"]; // [B, rows, columns]
            var maps = TransformerAttribution.Maps(test.Model, input, target);
            using var wide = new LoadedFixture(name, ScalarType.Float64);
            var exact = TransformerAttribution.Maps(wide.Model, input.to(float64), target);
            var rounded = Enumerable.Range(0, RoundingDraws).Select(draw => Rounded(name, input, target, (ulong)draw)).ToList();
            for (var i = 0; i < maps.shape[0]; i++)
            {
                var rounding = Math.Sqrt(rounded.Average(map => Math.Pow(Golden.RelativeError(map[i], exact[i]), 2)));
                seen++;
                if (rounding > 1e-2)
                    continue;
                determined++;
                var limit = Math.Max(1e-4, 10 * rounding);
                Assert.InRange(Golden.RelativeError(maps[i], exact[i]), 0, limit);
                Assert.InRange(Golden.RelativeError(golden[i], exact[i]), 0, limit);
            }
        }

        Assert.True(determined > 0.9 * seen, $"Float32 determines only {determined} of {seen} maps to 1e-2: that is no longer rounding.");
    }

    private const int RoundingDraws = 8;

    /// <summary>Returns the float64 maps after every weight and pixel was changed by float32's rounding error.</summary>
    private static Tensor Rounded(string name, Tensor input, Tensor target, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var noise = new Generator(seed);
        using var test = new LoadedFixture(name, ScalarType.Float64, Round);
        return TransformerAttribution.Maps(test.Model, Round(input), target).MoveToOuterDisposeScope();

        Tensor Round(Tensor exact)
        {
            var values = exact.to(float64);
            return values * (1 + Math.ScaleB(1, -24) * randn(values.shape, float64, generator: noise));
        }
    }

    /// <summary>Position embeddings as timm and torchvision resize them.</summary>
    [Theory]
    [InlineData(nameof(PositionResizing.Timm), "timm")]
    [InlineData(nameof(PositionResizing.Torchvision), "torchvision")]
    public void Position_embeddings_resize_as_their_library_does(string how, string suffix)
    {
        var golden = new Golden(Fixture.Path("pos_embed", "golden.safetensors"));
        var names = golden.Names.Where(name => name.EndsWith("|" + suffix, StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(names);
        foreach (var name in names)
        {
            var expected = golden[name];
            var input = golden[name.Split('|')[0] + "|input"];
            var (from, to) = ((int)Math.Sqrt(input.shape[1]), (int)Math.Sqrt(expected.shape[1]));
            var resized = PositionEmbedding.Resize(input, (from, from), (to, to), Enum.Parse<PositionResizing>(how));
            Assert.InRange((resized - expected).abs().max().item<float>(), 0, 1e-5);
        }
    }
}
