using AgCam.Attribution;
using AgCam.Models;
using AgCam.Native;
using AgCam.Tests.Attribution;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Tests.Models;

/// <summary>DINOv3 with a classifier in timm's layout. No published weights: random ones, and the model written a second time.</summary>
[Trait("Category", "numerical")]
public class DinoV3Tests
{
    static DinoV3Tests() => NativeBackend.Load();

    [Theory]
    [InlineData(false, false, 48, 64)]
    [InlineData(true, false, 48, 64)]
    [InlineData(false, true, 48, 64)]
    [InlineData(true, true, 48, 64)]
    [InlineData(false, false, 80, 32)] // another grid changes the angles
    public void Logits_equal_those_of_an_independent_implementation(bool qkvBias, bool gated, int height, int width)
    {
        using var scope = NewDisposeScope();
        using var some = new SomeDinoV3(qkvBias, gated: gated);
        using var checkpoint = some.Open();
        using var model = VisionTransformer.Load(checkpoint, CPU, inputHeight: height, inputWidth: width);
        var input = randn([2, 3, height, width], generator: new Generator(3));
        var expected = some.Logits(input);
        using var noGrad = no_grad();
        using var pass = model.Forward(input);
        Assert.InRange((pass.Logits - expected).abs().max().item<double>(), 0, 1e-4);
        Assert.InRange((model.ClassHead.Forward(pass.Embedding) - expected).abs().max().item<double>(), 0, 1e-4);
        Assert.InRange((model.Logits(input) - expected).abs().max().item<double>(), 0, 1e-4);
        Assert.InRange((expected[0] - expected[1]).abs().max().item<double>(), 0.01, double.MaxValue); // the input matters
    }

    [Theory]
    [InlineData("avg", false, HeadPooling.AverageOfNormed)]
    [InlineData(null, false, HeadPooling.AverageOfNormed)]
    [InlineData("token", false, HeadPooling.Token)]
    [InlineData("avg", true, HeadPooling.AverageOfNormed)]
    [InlineData("token", true, HeadPooling.Token)]
    public void Maps_equal_autograd_for_every_pooling(string? pool, bool gated, HeadPooling expected)
    {
        using var scope = NewDisposeScope();
        using var some = new SomeDinoV3(pool: pool, gated: gated);
        using var checkpoint = some.Open(pooled: expected != HeadPooling.Token);
        Assert.Equal(expected, checkpoint.Config.Pooling);
        using var model = VisionTransformer.Load(checkpoint, CPU);
        var input = randn([2, 3, 48, 64], generator: new Generator(4));
        using var pass = SomeModel.Infer(model, input);
        var target = tensor(new long[] { 1, 4 }).view(2, 1);
        var (maps, negatives) =
            expected == HeadPooling.Token
                ? AttentionGuidedCam.Maps(model, pass, target, signed: true)
                : PooledAttentionCam.Maps(model, pass, target, signed: true);
        var (positive, negative) = AutogradReference.Maps(model, input, logits => logits.gather(1, target).sum());
        SomeModel.Same(positive, maps.select(1, 0), negative);
        SomeModel.Same(negative, negatives!.select(1, 0), positive);
    }

    [Fact]
    public void Keys_have_no_bias()
    {
        using var some = new SomeDinoV3(qkvBias: true);
        using var checkpoint = some.Open();
        float[] expected = [.. some.Values("blocks.1.attn.q_bias"), .. new float[SomeDinoV3.Width], .. some.Values("blocks.1.attn.v_bias")];
        Assert.Equal(expected, checkpoint.Weights["blocks.1.attn.qkv.bias"].ToFloat32());
    }

    [Fact]
    public void Papers_method_refuses_an_averaging_model_and_names_agcam_pooled()
    {
        using var some = new SomeDinoV3();
        var error = Assert.Throws<ModelException>(() => some.Open(pooled: false));
        Assert.Equal(ModelFailure.UnsupportedArchitecture, error.Reason);
        Assert.Contains("agcam-pooled", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "blocks.1.gamma_2", null, "Missing (1): blocks.1.ls2.gamma")]
    [InlineData(true, "blocks.0.attn.v_bias", null, "Missing (1): blocks.0.attn.qkv.bias")]
    [InlineData(false, null, "pos_embed", "Unexpected (1): 'pos_embed'")]
    [InlineData(false, null, "blocks.0.attn.qkv.bias", "Unexpected (1): 'blocks.0.attn.qkv.bias'")]
    [InlineData(false, null, "rope.periods", "stores rotary positions")]
    [InlineData(false, "head.weight", null, "without a classifier")]
    public void Weights_that_do_not_fit_are_named(bool qkvBias, string? without, string? with, string text)
    {
        using var some = new SomeDinoV3(qkvBias);
        some.Change(tensors =>
        {
            tensors.Remove(without ?? "");
            if (with is not null)
                tensors[with] = MemoryTensor.FromFloat32([96], new float[96]);
        });
        Assert.Contains(text, Assert.Throws<ModelException>(() => some.Open()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vit_small_patch16_dinov3", 384, 12, 6, false)]
    [InlineData("vit_base_patch16_dinov3_qkvb.lvd1689m", 768, 12, 12, true)]
    [InlineData("vit_large_patch16_dinov3.sat493m", 1024, 24, 16, false)]
    public void Names_have_their_published_shapes(string name, int width, int depth, int heads, bool qkvBias)
    {
        var config = NamedArchitectures.Find(name, pooled: true);
        Assert.Equal(
            (width, depth, heads, qkvBias, 4 * width),
            (config.Width, config.Depth, config.Heads, config.QkvBias, config.MlpWidth)
        );
        Assert.Equal(
            (100, 5, 4, 1e-5, true, HeadPooling.AverageOfNormed, 256),
            (
                config.RotaryTemperature!.Value,
                config.PrefixTokens,
                config.Registers,
                config.LayerNormEpsilon,
                config.LayerScale,
                config.Pooling,
                config.ImageHeight
            )
        );
        Assert.EndsWith(";rotary=100", config.Canonical(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vit_small_plus_patch16_dinov3.lvd1689m", 384, 12, 6, 1536)]
    [InlineData("vit_huge_plus_patch16_dinov3_qkvb", 1280, 32, 20, 5120)]
    [InlineData("vit_7b_patch16_dinov3.sat493m", 4096, 40, 32, 8192)]
    public void Sizes_with_gated_mlps_have_their_published_shapes(string name, int width, int depth, int heads, int mlp)
    {
        var config = NamedArchitectures.Find(name, pooled: true);
        Assert.Equal(
            (width, depth, heads, mlp, 2 * mlp, Activation.SwiGlu),
            (config.Width, config.Depth, config.Heads, config.MlpWidth, config.MlpRows, config.Activation)
        );
        Assert.Contains(";SwiGlu;", config.Canonical(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vit_giant_patch16_dinov3", "not a known architecture")]
    [InlineData("vit_small_plus_patch16_224", "not a known architecture")]
    public void Unknown_sizes_are_refused(string name, string text) =>
        Assert.Contains(
            text,
            Assert.Throws<ModelException>(() => NamedArchitectures.Find(name, pooled: true)).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Gated_mlp_without_one_half_is_named()
    {
        using var some = new SomeDinoV3(gated: true);
        some.Change(tensors => tensors.Remove("blocks.1.mlp.fc1_x.weight"));
        Assert.Contains(
            "Missing (1): blocks.1.mlp.fc1.weight",
            Assert.Throws<ModelException>(() => some.Open()).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Bare_weights_need_only_the_name()
    {
        using var some = new SomeDinoV3();
        File.Delete(some["config.json"]);
        using var checkpoint = Checkpoint.Open(
            some.Path,
            new CheckpointOptions
            {
                Pooled = true,
                Architecture = "vit_small_patch16_dinov3",
                Heads = SomeDinoV3.Heads,
            }
        );
        Assert.Equal(
            (SomeDinoV3.Width, SomeDinoV3.Depth, SomeDinoV3.Classes, 16),
            (checkpoint.Config.Width, checkpoint.Config.Depth, checkpoint.Config.Classes, checkpoint.Config.GridRows)
        );
    }
}
