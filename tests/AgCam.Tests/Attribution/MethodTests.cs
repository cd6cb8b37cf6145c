using AgCam.Attribution;
using AgCam.Models;
using AgCam.Native;
using FsCheck;
using FsCheck.Xunit;
using Xunit;
using static TorchSharp.torch;

namespace AgCam.Tests.Attribution;

/// <summary>The closed forms of AG-CAM's relatives against autograd, and what must hold of any picture.</summary>
[Properties(Arbitrary = [typeof(ViTShapes)], MaxTest = 25)]
public class MethodTests
{
    static MethodTests() => NativeBackend.Load();

    [Property]
    public void Last_layer_equals_autograd_through_the_whole_model(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        var (logits, attentions) = test.Model.ForwardExplicit(test.Input, detach: false);
        var weights = attentions[^1].Weights;
        var gradient = autograd.grad([test.OfTarget(logits).sum()], [weights])[0];
        var expected = test.HeadRows((weights * gradient.relu()).detach()).sum(2).mean([1]);

        SomeModel.Same(expected, LastLayer.Maps(test.Model, test.Pass, test.Batch.Target));
    }

    [Property]
    public void LeGrad_equals_autograd_of_each_blocks_own_head(ViTConfig shape, PositiveInt seed)
    {
        using var test = new SomeModel(shape with { Distilled = false }, seed.Get);
        var expected = zeros(2, test.Patches);
        var x = test.Model.Embed(test.Input);
        foreach (var block in test.Model.Blocks)
        {
            (x, var attention) = block.ForwardExplicit(x.detach(), detach: false);
            var own = test.Model.ClassHead.Forward(test.Model.Norm.Forward(x.select(1, 0)));
            var gradient = autograd.grad([test.OfTarget(own).sum()], [attention.Weights])[0];
            expected = expected + (test.HeadRows(gradient.relu()).sum(2).mean([1]) / shape.Depth);
        }

        SomeModel.Same(expected, LeGrad.Maps(test.Model, test.Pass, test.Batch.Target));
    }

    [Property]
    public void Product_over_blocks_lies_between_zero_and_one(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        var product = ProductOverBlocks.Maps(test.Model, test.Pass, test.Batch.Target);
        Assert.InRange(product.min().item<float>(), 0, 1);
        Assert.InRange(product.max().item<float>(), 0, 1);
    }

    [Property]
    public void Product_over_one_block_is_its_map_from_zero_to_one(ViTConfig shape, PositiveInt seed)
    {
        using var test = new SomeModel(shape with { Depth = 1 }, seed.Get);
        var (maps, _) = AttentionGuidedCam.Maps(test.Model, test.Pass, test.Batch.Target.unsqueeze(1));
        var heatmaps = AttributionBatch.Heatmaps(ProductOverBlocks.Maps(test.Model, test.Pass, test.Batch.Target));
        foreach (var (map, product) in AttributionBatch.Heatmaps(maps.squeeze(1)).Zip(heatmaps))
            if (!map.IsFlat)
                Assert.Equal(map.Normalize().Values, product.Values, (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Property]
    public void Every_method_gives_a_finite_map_for_each_image(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        foreach (var method in AttributionMethod.Select(["all"]))
        {
            var maps = method.Maps(test.Batch);
            Assert.Equal(2, maps.Count);
            Assert.All(maps, map => Assert.All(map!.Values, value => Assert.True(float.IsFinite(value), method.Name)));
        }
    }

    [Property]
    public void Best_other_class_is_the_runner_up_of_a_predicted_one(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        using var ranked = test.Pass.Logits.argsort(-1, descending: true);
        var batch = test.Batch with { Target = ranked.select(1, 0) };
        Assert.True(batch.BestOther().eq(ranked.select(1, 1)).all().item<bool>());
    }

    [Fact]
    public void Signed_is_positive_minus_negative_of_the_autograd_reference()
    {
        using var test = new SomeModel(
            NamedArchitectures.Find("vit_tiny_patch16_224") with
            {
                ImageHeight = 64,
                ImageWidth = 64,
                Depth = 3,
            },
            5
        );
        var (positive, negative) = AutogradReference.Maps(test.Model, test.Input, logits => test.OfTarget(logits).sum());
        var signed = AttributionMethod.Select(["agcam-signed"])[0].Maps(test.Batch);
        var expected = (positive - negative).flatten().data<float>().ToArray();
        Assert.Equal(expected, signed.SelectMany(map => map!.Values), (a, b) => Math.Abs(a - b) < 1e-5 * expected.Max(Math.Abs));
    }

    [Fact]
    public void Transformer_attribution_runs_without_gradients_enabled()
    {
        using var test = new SomeModel(
            NamedArchitectures.Find("vit_tiny_patch16_224") with
            {
                ImageHeight = 64,
                ImageWidth = 64,
                Depth = 2,
            },
            3
        );
        var expected = AttributionBatch.Heatmaps(TransformerAttribution.Maps(test.Model, test.Input, test.Batch.Target));
        var maps = AttributionMethod.Select(["transformer-attribution"])[0].Maps(test.Batch);
        Assert.Equal(expected.Select(map => map.Values), maps.Select(map => map!.Values));
    }

    [Fact]
    public void All_excludes_methods_that_must_be_named()
    {
        Assert.DoesNotContain(AttributionMethod.Select(["all"]), method => method.Name == "transformer-attribution");
        Assert.Equal(
            ["transformer-attribution", "agcam"],
            AttributionMethod.Select(["transformer-attribution", "AGCAM", "agcam"]).Select(method => method.Name)
        );
        Assert.Contains(
            "rollout",
            Assert.Throws<ArgumentException>(() => AttributionMethod.Select(["gradcam"])).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Centre_box_has_the_share_of_each_side_that_its_threshold_leaves()
    {
        var map = Controls.CentreBox(64, 96).Normalize();
        foreach (var threshold in (double[])[0.2, 0.5, 0.8])
        {
            var box = Assert.Single(map.Boxes(threshold));
            Assert.InRange(box.Height / 64, 1 - threshold - 0.05, 1 - threshold + 0.05);
            Assert.InRange(box.Width / 96, 1 - threshold - 0.05, 1 - threshold + 0.05);
            Assert.InRange(Math.Abs(box.X + (box.Width / 2) - 48), 0, 1);
        }
    }

    [Fact]
    public void Random_map_depends_on_the_image_alone()
    {
        Assert.Equal(Controls.Random(4, 4, "a").Values, Controls.Random(4, 4, "a").Values);
        Assert.NotEqual(Controls.Random(4, 4, "a").Values, Controls.Random(4, 4, "b").Values);
        Assert.All(Controls.Random(30, 30, "c").Values, value => Assert.InRange(value, 0, 1));
        Assert.InRange(Controls.Random(30, 30, "c").Values.Average(), 0.45, 0.55);
    }
}
