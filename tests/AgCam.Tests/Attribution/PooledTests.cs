using AgCam.Attribution;
using AgCam.Models;
using AgCam.Native;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Tests.Attribution;

/// <summary>
/// agcam-pooled, the relative of AG-CAM for heads that average the patches, against autograd with the input of every attention
/// detached.
/// </summary>
[Properties(Arbitrary = [typeof(PooledShapes)], MaxTest = 40)]
[Trait("Category", "numerical")]
public class PooledTests
{
    static PooledTests() => NativeBackend.Load();

    [Property]
    public void Equals_autograd_summed_over_all_rows_for_any_shape_and_target(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        test.SameAsAutograd(target => PooledAttentionCam.Maps(test.Model, test.Pass, target, signed: true));
    }

    [Property(MaxTest = 20)]
    public void Traced_forward_pass_predicts_as_the_plain_one_and_embeds_the_pooled_patches(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        using var noGrad = no_grad();
        var x = test.Model.Embed(test.Input);
        foreach (var block in test.Model.Blocks)
            x = block.Forward(x);
        var patches = x.narrow(1, config.PrefixTokens, test.Patches);
        var pooled =
            config.Pooling == HeadPooling.NormedAverage
                ? test.Model.Norm.Forward(patches.mean([1]))
                : test.Model.Norm.Forward(patches).mean([1]);
        Assert.InRange((test.Pass.Embedding - pooled).abs().max().item<float>(), 0, 1e-4);
        var expected = test.Model.ClassHead.Forward(pooled);
        Assert.InRange((test.Pass.Logits - expected).abs().max().item<float>(), 0, 1e-4);
        Assert.InRange((test.Model.Logits(test.Input) - expected).abs().max().item<float>(), 0, 1e-4);
    }

    [Property(MaxTest = 20)]
    public void Every_method_explains_an_averaging_model_or_names_the_reason(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        foreach (var method in AttributionMethod.Measured)
            if (method.Refusal(config) is { } why)
                Assert.Contains("no gradient", why, StringComparison.Ordinal);
            else
                Assert.All(
                    method.Maps(test.Batch),
                    map => Assert.All(map!.Values, value => Assert.True(float.IsFinite(value), method.Name))
                );
        Assert.NotNull(AttributionMethod.Select(["agcam"])[0].Refusal(config));
        Assert.Null(AttributionMethod.Select(["agcam-pooled"])[0].Refusal(config));
    }

    [Fact]
    public void Averaging_checkpoint_is_refused_unless_requested()
    {
        using var folder = AveragingModel.Write(normedAfterwards: true);
        var error = Assert.Throws<ModelException>(() => Checkpoint.Open(folder.Path));
        Assert.Equal(ModelFailure.UnsupportedArchitecture, error.Reason);
        Assert.Contains("no gradient", error.Message, StringComparison.Ordinal);
        Assert.Contains("agcam-pooled", error.Message, StringComparison.Ordinal);
        using var checkpoint = Checkpoint.Open(folder.Path, new CheckpointOptions { Pooled = true });
        Assert.Equal(HeadPooling.NormedAverage, checkpoint.Config.Pooling);
        using var before = AveragingModel.Write(normedAfterwards: false);
        using var other = Checkpoint.Open(before.Path, new CheckpointOptions { Pooled = true });
        Assert.Equal(HeadPooling.AverageOfNormed, other.Config.Pooling);
    }

    [Theory]
    [InlineData("vit_base_patch16_gap_224", 16, false, true)]
    [InlineData("vit_medium_patch16_gap_256", 8, true, false)]
    public void Names_without_a_class_token_have_their_published_shapes(string name, int heads, bool layerScale, bool qkvBias)
    {
        var config = NamedArchitectures.Find(name, pooled: true);
        Assert.Equal(
            (heads, layerScale, qkvBias, 0, false),
            (config.Heads, config.LayerScale, config.QkvBias, config.PrefixTokens, config.ClassToken)
        );
    }
}

/// <summary>
/// Small models whose classifier reads the mean of the patches, with and without class token, normalised before and after the mean.
/// </summary>
public static class PooledShapes
{
    public static Arbitrary<ViTConfig> Configs() =>
        (
            from plain in ViTShapes.Configs().Generator
            from pooling in Gen.Elements(HeadPooling.AverageOfNormed, HeadPooling.NormedAverage)
            from classToken in Gen.Elements(true, false)
            select plain with
            {
                Distilled = false,
                Pooling = pooling,
                ClassToken = classToken,
            }
        ).ToArbitrary();
}
