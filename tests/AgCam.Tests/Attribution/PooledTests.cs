using System.Text.Json.Nodes;
using AgCam.Attribution;
using AgCam.Models;
using AgCam.Models.Safetensors;
using AgCam.Native;
using AgCam.Tests.Cli;
using AgCam.Tests.Models;
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
    public void Traced_forward_pass_predicts_as_the_plain_one(ViTConfig config, PositiveInt seed)
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
        using var folder = Averaging(afterwards: true);
        var error = Assert.Throws<ModelException>(() => Checkpoint.Open(folder.Path));
        Assert.Equal(ModelFailure.UnsupportedArchitecture, error.Reason);
        Assert.Contains("no gradient", error.Message, StringComparison.Ordinal);
        Assert.Contains("agcam-pooled", error.Message, StringComparison.Ordinal);
        using var checkpoint = Checkpoint.Open(folder.Path, new CheckpointOptions { Pooled = true });
        Assert.Equal(HeadPooling.NormedAverage, checkpoint.Config.Pooling);
        using var before = Averaging(afterwards: false);
        using var other = Checkpoint.Open(before.Path, new CheckpointOptions { Pooled = true });
        Assert.Equal(HeadPooling.AverageOfNormed, other.Config.Pooling);
    }

    [Fact]
    public void Explain_and_evaluate_take_the_method_by_name()
    {
        using var folder = Averaging(afterwards: true);
        using var pictures = SomeImages.Folder(4);
        var refused = Agcam.Run("explain", pictures.Path, "--model", folder.Path, "--json");
        Assert.Equal(2, refused.Code);
        Assert.Contains("agcam-pooled", refused.Errors, StringComparison.Ordinal);

        var rows = Agcam.Run("explain", pictures.Path, "--model", folder.Path, "--method", "agcam-pooled", "--json", "-q").Rows.ToList();
        Assert.Equal(4, rows.Count);
        Assert.All(rows, row => Assert.Equal("agcam-pooled/1", row.GetProperty("explanations")[0].GetProperty("method").GetString()));
        Assert.All(rows, row => Assert.True(row.GetProperty("explanations")[0].GetProperty("max").GetDouble() > 0));

        File.WriteAllLines(
            pictures["metadata.jsonl"],
            Enumerable
                .Range(0, 4)
                .Select(i => $$$"""{"file_name": "{{{i:000}}}.png", "label": "{{{i}}}", "objects": {"bbox": [[5, 5, 20, 25]]}}""")
        );
        var result = Agcam.Run(
            "evaluate",
            pictures.Path,
            "--model",
            folder.Path,
            "--methods",
            "agcam-pooled,rollout,random",
            "--html",
            pictures["page.html"],
            "-q"
        );
        Assert.Equal((0, ""), (result.Code, result.Errors));
        Assert.Contains("agcam-pooled", result.Output, StringComparison.Ordinal);
        Assert.Contains("agcam-pooled&#39;s best by", File.ReadAllText(pictures["page.html"]), StringComparison.Ordinal);
        var mixed = Agcam.Run("evaluate", pictures.Path, "--model", folder.Path, "--methods", "agcam-pooled,agcam", "-q");
        Assert.Equal(2, mixed.Code);
        Assert.Contains("agcam does not explain", mixed.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vit_base_patch16_gap_224", HeadPooling.NormedAverage)]
    [InlineData("vit_small_patch16_dinov3_qkvb", HeadPooling.AverageOfNormed)]
    public void Bare_weights_that_average_are_imported(string architecture, HeadPooling pooling)
    {
        using var gap = Averaging(afterwards: true);
        using var dino = new SomeDinoV3(qkvBias: true);
        using var work = new TemporaryFolder();
        var dinov3 = pooling == HeadPooling.AverageOfNormed;
        using (var file = SafetensorsFile.Open(dinov3 ? dino["model.safetensors"] : gap["model.safetensors"]))
            SafetensorsWriter.Write(
                work["bare.safetensors"],
                file.Tensors.Where(tensor => dinov3 || tensor.Key != "cls_token")
                    .ToDictionary(
                        tensor => tensor.Key,
                        tensor => (WeightTensor)(tensor.Key == "pos_embed" ? WithoutFirst(tensor.Value) : tensor.Value)
                    )
            );
        var imported = Agcam.Run(
            "models",
            "import",
            work["bare.safetensors"],
            "--arch",
            architecture,
            "--heads",
            dinov3 ? "2" : "4",
            "--crop-mode",
            "squash",
            "--interpolation",
            "bicubic",
            "--mean",
            "0.5,0.5,0.5",
            "--std",
            "0.5,0.5,0.5",
            "--out",
            work["model"]
        );
        Assert.True(imported.Code == 0, imported.Errors);

        using var checkpoint = Checkpoint.Open(work["model"], new CheckpointOptions { Pooled = true });
        Assert.Equal((pooling, !dinov3 ? 0 : 5), (checkpoint.Config.Pooling, checkpoint.Config.PrefixTokens));
        using var pictures = SomeImages.Folder(1);
        var row = Agcam.Run("explain", pictures.Path, "--model", work["model"], "--method", "agcam-pooled", "--json", "-q").Rows.Single();
        Assert.True(row.GetProperty("explanations")[0].GetProperty("max").GetDouble() > 0);
        if (dinov3) // under the names that timm reads
            using (var written = SafetensorsFile.Open(work["model/model.safetensors"]))
                Assert.Contains("blocks.0.gamma_1", written.Tensors.Keys);

        var token = Agcam.Run(
            "models",
            "import",
            gap["model.safetensors"],
            "--arch",
            "vit_base_patch16_224",
            "--heads",
            "4",
            "--out",
            work["other"]
        );
        Assert.Equal(2, token.Code);
        Assert.Contains("global_pool", token.Errors, StringComparison.Ordinal);

        static MemoryTensor WithoutFirst(WeightTensor positions)
        {
            var width = (int)positions.Shape[2];
            return MemoryTensor.FromFloat32([1, positions.Shape[1] - 1, width], positions.ToFloat32()[width..]);
        }
    }

    [Fact]
    public void Model_that_reads_the_class_token_is_refused()
    {
        using var pictures = SomeImages.Folder(1);
        var refused = Agcam.Run("explain", pictures.Path, "--model", SomeImages.Model, "--method", "agcam-pooled", "--json");
        Assert.Equal(2, refused.Code);
        Assert.Contains("reads the class token", refused.Errors, StringComparison.Ordinal);
        Assert.Empty(refused.Output);
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

    /// <summary>Writes the plain fixture, configured to classify the mean of the patches.</summary>
    internal static TemporaryFolder Averaging(bool afterwards)
    {
        var folder = new TemporaryFolder();
        var source = Fixture.Path("models", "timm_vit");
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        config["global_pool"] = "avg";
        File.WriteAllText(folder["config.json"], config.ToJsonString());
        using var file = SafetensorsFile.Open(Path.Combine(source, "model.safetensors"));
        SafetensorsWriter.Write(
            folder["model.safetensors"],
            file.Tensors.ToDictionary(
                tensor => afterwards && tensor.Key.StartsWith("norm.", StringComparison.Ordinal) ? "fc_" + tensor.Key : tensor.Key,
                tensor => (WeightTensor)tensor.Value
            )
        );
        return folder;
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
