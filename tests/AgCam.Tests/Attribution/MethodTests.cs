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
        var (maps, _) = AttentionGuidedCam.Maps(test.Model, test.Pass, test.Batch.Target);
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

    [Property(MaxTest = 10)]
    public void Parts_of_a_batch_and_columns_of_targets_give_the_maps_of_the_whole(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        var other = test.Batch.BestOther();
        var batch = test.Batch with { Target = cat([test.Batch.Target, other], 1) }; // [B, 2]
        foreach (var method in AttributionMethod.All.Where(method => method.Fits(config)))
        {
            var whole = method.Attribute(batch).Positive;
            var parts = method.Attribute(batch with { PartBytes = 1 }).Positive;
            var second = method.Attribute(test.Batch with { Target = other }).Positive;
            Assert.Equal([2, 2, config.GridRows, config.GridColumns], whole.shape);
            foreach (var (expected, actual) in new[] { (whole, parts), (second, whole.narrow(1, 1, 1)) })
            {
                var size = expected.abs().max().item<float>();
                Assert.InRange((expected - actual).abs().max().item<float>(), 0, (1e-4 * size) + 1e-8);
            }
        }
    }

    [Property(MaxTest = 10)]
    public void Contrast_of_weight_zero_is_the_plain_map_and_of_a_class_with_itself_is_flat(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        var contrast = test.Batch with { Against = test.Batch.BestOther(), Gamma = zeros_like(test.Batch.Target, float32) };
        var itself = test.Batch with { Against = test.Batch.Target, Gamma = ones_like(test.Batch.Target, float32) };
        foreach (var method in AttributionMethod.All.Where(method => method.Contrasts && method.Fits(config)))
        {
            var plain = method.Attribute(test.Batch).Positive;
            var size = plain.abs().max().item<float>();
            Assert.InRange((method.Attribute(contrast).Positive - plain).abs().max().item<float>(), 0, (1e-5 * size) + 1e-12);
            var flat = method.Attribute(itself).Positive;
            if (method.Name is not ("agcam-product" or "generic")) // the first is 1 where all is flat, the other begins with the identity
                Assert.InRange(flat.abs().max().item<float>(), 0, (1e-4 * size) + 1e-12);
        }
    }

    [Property]
    public void Best_other_class_is_the_runner_up_of_a_predicted_one(ViTConfig config, PositiveInt seed)
    {
        using var test = new SomeModel(config, seed.Get);
        using var ranked = test.Pass.Logits.argsort(-1, descending: true);
        var batch = test.Batch with { Target = ranked.narrow(1, 0, 1) };
        Assert.True(batch.BestOther().eq(ranked.narrow(1, 1, 1)).all().item<bool>());
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
    public void Transformer_attribution_refuses_a_gated_MLP()
    {
        var config = NamedArchitectures.Find("vit_tiny_patch16_224") with { Activation = Activation.SwiGlu };
        Assert.Contains("SwiGLU", AttributionMethod.Select(["transformer-attribution"])[0].Refusal(config), StringComparison.Ordinal);
    }

    [Property(MaxTest = 10)]
    public void Generic_relevance_of_a_contrast_follows_the_gradient_of_the_difference(ViTConfig shape, PositiveInt seed)
    {
        using var test = new SomeModel(shape with { Depth = 1 }, seed.Get);
        var other = test.Batch.BestOther();
        var (logits, attentions) = test.Model.ForwardExplicit(test.Input, detach: false);
        var weights = attentions[0].Weights;
        var score = (test.OfTarget(logits) - logits.gather(1, other)).sum();
        var gradient = autograd.grad([score], [weights])[0];
        var expected = ClassRow.OnGrid((gradient * weights).relu().mean([1]).detach(), test.Model.Config).flatten(1);

        var maps = GenericAttention.Maps(test.Model, test.Input, test.Batch.Target, other, ones_like(other, float32));
        SomeModel.Same(expected, maps.squeeze(1));
    }

    [Fact]
    public void Registry_has_each_name_once_and_the_papers_method_first()
    {
        Assert.Equal("agcam", AttributionMethod.Default.Name);
        Assert.Equal(AttributionMethod.Measured.Count, AttributionMethod.Measured.Select(method => method.Name).Distinct().Count());
        Assert.All(AttributionMethod.All, method => Assert.Same(method, AttributionMethod.Find(method.Name)));
        Assert.Null(AttributionMethod.Find("random")); // an evaluation's control explains nothing
        Assert.Null(AttributionMethod.Find("ag-cam"));
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
