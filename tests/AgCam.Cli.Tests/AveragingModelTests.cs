using AgCam.Models;
using AgCam.Models.Safetensors;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>Explains, evaluates and imports models whose classifier reads the mean of the patches.</summary>
[Trait("Category", "numerical")]
public class AveragingModelTests
{
    [Fact]
    public void Explain_and_evaluate_take_the_method_by_name()
    {
        using var folder = AveragingModel.Write(normedAfterwards: true);
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
        using var gap = AveragingModel.Write(normedAfterwards: true);
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
}
