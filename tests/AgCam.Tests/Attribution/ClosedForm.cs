using AgCam.Attribution;
using AgCam.Models;
using AgCam.Native;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Tests.Attribution;

/// <summary>The closed form against autograd with the input of every attention detached, which is the paper's own wording.</summary>
[Properties(Arbitrary = [typeof(ViTShapes)], MaxTest = 60)]
[Trait("Category", "numerical")]
public class ClosedForm
{
    static ClosedForm() => NativeBackend.Load();

    [Property]
    public void Equals_autograd_for_any_shape_and_target(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        test.SameAsAutograd(target => AttentionGuidedCam.Maps(test.Model, test.Pass, target, signed: true));
    }

    [Property(MaxTest = 20)]
    public void Contrastive_target_equals_autograd_on_the_difference_of_logits(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        var (target, against, gamma) = (zeros([2, 1], int64), ones([2, 1], int64), full([2, 1], 0.6f));
        var (maps, _) = AttentionGuidedCam.Maps(test.Model, test.Pass, target, against, gamma);
        var (positive, negative) = AutogradReference.Maps(
            test.Model,
            test.Input,
            logits => (logits.select(1, 0) - 0.6 * logits.select(1, 1)).sum()
        );
        SomeModel.Same(positive, maps.select(1, 0), negative);
    }

    [Property(MaxTest = 20)]
    public void Image_gives_the_same_maps_alone_and_in_a_batch(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get, images: 3);
        var (maps, negatives) = AttentionGuidedCam.Maps(test.Model, test.Pass, zeros([3, 1], int64), signed: true);
        using var single = SomeModel.Infer(test.Model, test.Input.narrow(0, 1, 1));
        var (map, _) = AttentionGuidedCam.Maps(test.Model, single, zeros([1, 1], int64));
        SomeModel.Same(maps[1], map[0], negatives![1]);
    }

    [Property(MaxTest = 20)]
    public void Heat_is_never_negative(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get, images: 1);
        var (maps, _) = AttentionGuidedCam.Maps(test.Model, test.Pass, zeros([1, 1], int64));
        Assert.True(maps.min().item<float>() >= 0);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Low_precision_forward_ranks_patches_as_float32_does(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var config = NamedArchitectures.Find("vit_tiny_patch16_224");
        using var full = RandomWeights.Model(config, CPU);
        using var low = RandomWeights.Model(config, CPU, dtype);
        var input = randn(2, 3, 224, 224, generator: new Generator(7));
        using var pass = SomeModel.Infer(full, input);
        using var lowPass = SomeModel.Infer(low, input);
        var (expected, _) = AttentionGuidedCam.Maps(full, pass, zeros([2, 1], int64));
        var (actual, _) = AttentionGuidedCam.Maps(low, lowPass, zeros([2, 1], int64));
        Assert.Equal(float32, actual.dtype);
        for (var i = 0; i < 2; i++)
            Assert.InRange(RankCorrelation(expected[i].flatten(), actual[i].flatten()), 0.99, 1);
    }

    private static double RankCorrelation(Tensor a, Tensor b)
    {
        Tensor Ranks(Tensor t) => t.argsort().argsort().to(float64);
        var (x, y) = (Ranks(a) - Ranks(a).mean(), Ranks(b) - Ranks(b).mean());
        return ((x * y).sum() / (x.norm() * y.norm())).item<double>();
    }
}

/// <summary>
/// Small models of every shape that is supported: depth, width, heads, grid, prefix tokens, activation, LayerScale, norms, positions.
/// </summary>
public static class ViTShapes
{
    public static Arbitrary<ViTConfig> Configs() =>
        (
            from depth in Gen.Choose(1, 4)
            from heads in Gen.Elements(1, 2, 3, 4)
            from headWidth in Gen.Elements(4, 8, 12)
            from patch in Gen.Elements(4, 8)
            from rows in Gen.Choose(1, 5)
            from columns in Gen.Choose(1, 5)
            from mlp in Gen.Choose(1, 4)
            from activation in Gen.Elements(Enum.GetValues<Activation>())
            from distilled in Gen.Elements(true, false)
            from registers in Gen.Choose(0, 3)
            from prefixHasPosition in Gen.Elements(true, false)
            from preNorm in Gen.Elements(true, false)
            from layerScale in Gen.Elements(true, false)
            from qkNorm in Gen.Elements(true, false)
            from qkvBias in Gen.Elements(true, false)
            from rotary in Gen.Elements<double?>(null, 100)
            select new ViTConfig
            {
                Architecture = "random",
                ImageHeight = rows * patch,
                ImageWidth = columns * patch,
                PatchSize = patch,
                Width = heads * headWidth,
                Depth = depth,
                Heads = heads,
                MlpWidth = mlp * heads * headWidth,
                Classes = 5,
                Activation = activation,
                Distilled = distilled,
                Registers = registers,
                PrefixHasPosition = prefixHasPosition,
                PreNorm = preNorm,
                LayerScale = layerScale,
                QkNorm = qkNorm,
                QkvBias = qkvBias,
                RotaryTemperature = rotary,
            }
        ).ToArbitrary();
}
