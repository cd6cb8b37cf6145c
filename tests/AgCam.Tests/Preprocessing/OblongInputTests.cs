using System.Text.Json.Nodes;
using AgCam.Models;
using AgCam.Preprocessing;
using Xunit;

namespace AgCam.Tests.Preprocessing;

/// <summary>Inputs that are not square, prepared as timm prepares them. The digests are from pillow_golden.py.</summary>
[Trait("Category", "numerical")]
public class OblongInputTests
{
    [Theory]
    [InlineData(300, 200, 64, 96, 1.0, "a7d5c1da310e7872")]
    [InlineData(200, 300, 64, 96, 1.0, "8d9ec6d0f7d75efb")]
    [InlineData(500, 200, 64, 96, 1.0, "aafbbc32b2075a95")]
    [InlineData(333, 257, 64, 96, 0.9, "eda129d50f8774f9")]
    [InlineData(97, 401, 96, 64, 0.875, "e2850626145f774a")]
    [InlineData(50, 40, 64, 96, 1.0, "d14d904b107d90ee")]
    public void Picture_covers_an_oblong_input_as_in_timm(
        int width,
        int height,
        int inputHeight,
        int inputWidth,
        double cropPct,
        string digest
    )
    {
        var preprocessing = PreprocessingOf(inputHeight, inputWidth, cropPct);
        var prepared = new Preprocessor(preprocessing).Apply(Some.RepeatableNoise(width, height));
        Assert.Equal((inputWidth, inputHeight), (prepared.Width, prepared.Height));
        Assert.Equal(digest, Digest.Of(prepared.Pixels).ToString()[..digest.Length]);
    }

    [Fact]
    public void Centre_crop_of_an_oblong_input_is_bilinear_unless_the_interpolation_is_named()
    {
        Assert.Equal(Interpolation.Bilinear, PreprocessingOf(64, 96, 1).Interpolation);
        Assert.Equal(Interpolation.Bicubic, PreprocessingOf(64, 64, 1).Interpolation);
        Assert.Equal(Interpolation.Bicubic, PreprocessingOf(64, 96, 1, "squash").Interpolation);
        var named = new CheckpointOptions { Interpolation = Interpolation.Lanczos };
        Assert.Equal(Interpolation.Lanczos, PreprocessingOf(64, 96, 1, options: named).Interpolation);
    }

    [Fact]
    public void Crop_share_applies_to_both_sides()
    {
        var preprocessing = PreprocessingOf(64, 96, 0.9);
        Assert.Equal((71, 106), (preprocessing.ResizeHeight, preprocessing.ResizeWidth));
    }

    private static PreprocessingOptions PreprocessingOf(
        int height,
        int width,
        double cropPct,
        string mode = "center",
        CheckpointOptions? options = null
    )
    {
        using var folder = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(Fixture.Path("models", "timm_vit")))
            File.Copy(file, folder[Path.GetFileName(file)]);
        var config = JsonNode.Parse(File.ReadAllText(folder["config.json"]))!;
        config["model_args"]!["dynamic_img_size"] = true; // the weights are for a square input
        var pretrained = config["pretrained_cfg"]!;
        pretrained["input_size"] = new JsonArray(3, height, width);
        pretrained["crop_pct"] = cropPct;
        pretrained["crop_mode"] = mode;
        pretrained["interpolation"] = "bicubic";
        File.WriteAllText(folder["config.json"], config.ToJsonString());
        using var checkpoint = Checkpoint.Open(folder.Path, options);
        return checkpoint.Preprocessing;
    }
}
