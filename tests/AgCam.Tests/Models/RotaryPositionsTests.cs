using AgCam.Models;
using AgCam.Native;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Tests.Models;

/// <summary>Tests DINOv3's rotary positions against their definition.</summary>
[Properties(Arbitrary = [typeof(RotaryShapes)], MaxTest = 40)]
[Trait("Category", "numerical")]
public class RotaryPositionsTests
{
    static RotaryPositionsTests() => NativeBackend.Load();

    [Property]
    public void Each_pair_of_components_rotates_by_the_defined_angle(ViTConfig config, PositiveInt seed)
    {
        using var scope = NewDisposeScope();
        var x = randn([2, config.Heads, config.Tokens, config.HeadWidth], generator: new Generator((ulong)seed.Get));
        var turned = RotaryPositions.For(config, CPU).Rotate(x);
        var expected = SlowRotation.Of(x.to(float64), config.PrefixTokens, config.GridRows, config.GridColumns);
        Assert.InRange((turned.to(float64) - expected).abs().max().item<double>(), 0, 1e-5);
    }

    [Property]
    public void Scores_depend_on_the_distance_of_patches_only(ViTConfig config, PositiveInt seed)
    {
        using var scope = NewDisposeScope();
        var rope = RotaryPositions.For(config, CPU);
        Tensor Same(int offset) =>
            randn([1, 1, 1, config.HeadWidth], generator: new Generator((ulong)(seed.Get + offset))).expand(-1, -1, config.Tokens, -1);
        var scores = rope.Rotate(Same(0)).matmul(rope.Rotate(Same(1)).transpose(-2, -1))[0, 0]; // [N, N]
        var byOffset = new Dictionary<(int, int), float>();
        for (var from = 0; from < config.GridRows * config.GridColumns; from++)
        for (var to = 0; to < config.GridRows * config.GridColumns; to++)
        {
            var offset = (to / config.GridColumns - from / config.GridColumns, to % config.GridColumns - from % config.GridColumns);
            var score = scores[config.PrefixTokens + from, config.PrefixTokens + to].item<float>();
            Assert.InRange(score - (byOffset.TryGetValue(offset, out var other) ? other : byOffset[offset] = score), -1e-4, 1e-4);
        }
    }

    [Property]
    public void Prefix_tokens_are_not_rotated(ViTConfig config, PositiveInt seed)
    {
        using var scope = NewDisposeScope();
        var x = randn([2, config.Heads, config.Tokens, config.HeadWidth], generator: new Generator((ulong)seed.Get));
        var turned = RotaryPositions.For(config, CPU).Rotate(x);
        Assert.Equal(Numbers(x.narrow(2, 0, config.PrefixTokens)), Numbers(turned.narrow(2, 0, config.PrefixTokens)));
        Assert.InRange((turned.norm() - x.norm()).abs().item<float>(), 0, 1e-4 * x.norm().item<float>());
    }

    [Property]
    public void Part_of_the_tokens_rotates_as_all_do(ViTConfig config, PositiveInt seed)
    {
        using var scope = NewDisposeScope();
        var x = randn([1, config.Heads, config.Tokens, config.HeadWidth], generator: new Generator((ulong)seed.Get));
        var rope = RotaryPositions.For(config, CPU);
        Assert.Equal(
            Numbers(rope.Rotate(x).narrow(2, config.PrefixTokens, 1)),
            Numbers(rope.Rotate(x.narrow(2, config.PrefixTokens, 1), config.PrefixTokens))
        );
    }

    private static float[] Numbers(Tensor t) => t.contiguous().data<float>().ToArray();
}

public static class RotaryShapes
{
    public static Arbitrary<ViTConfig> Configs() =>
        (
            from heads in Gen.Choose(1, 3)
            from headWidth in Gen.Elements(4, 8, 16, 64)
            from rows in Gen.Choose(1, 5)
            from columns in Gen.Choose(1, 5)
            from registers in Gen.Elements(0, 4)
            select new ViTConfig
            {
                Architecture = "random",
                ImageHeight = rows * 16,
                ImageWidth = columns * 16,
                PatchSize = 16,
                Width = heads * headWidth,
                Depth = 1,
                Heads = heads,
                MlpWidth = 4,
                Classes = 2,
                Registers = registers,
                RotaryTemperature = 100,
            }
        ).ToArbitrary();
}
