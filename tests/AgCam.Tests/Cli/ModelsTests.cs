using AgCam.Tests.Models;
using Xunit;

namespace AgCam.Tests.Cli;

public class ModelsTests
{
    [Theory]
    [InlineData("timm_vit")]
    [InlineData("hf_vit")]
    [InlineData("timm_deit_distilled")]
    public void A_model_agrees_with_its_reference(string name)
    {
        var outcome = Agcam.Run("models", "verify", Fixture.Path("models", name), "--against", Fixture.Path("models", name, "golden.safetensors"), "--json");
        Assert.Equal(0, outcome.Code);
        var found = Assert.Single(outcome.Rows);
        Assert.True(found.GetProperty("agrees").GetBoolean());
        Assert.Equal(["logits", "maps"], found.GetProperty("stages").EnumerateArray().Select(stage => stage.GetProperty("name").GetString()));
    }

    [Fact]
    public void The_first_stage_that_diverges_is_named()
    {
        using var folder = new TemporaryFolder();
        foreach (var tensor in new[] { "input", "logits", "agcam" })
        {
            ReferenceFile.Write(folder["reference.safetensors"], Fixture.Path("models", "timm_vit", "golden.safetensors"), tensor);
            var outcome = Agcam.Run("models", "verify", SomeImages.Model, "--against", folder["reference.safetensors"]);
            Assert.Equal(1, outcome.Code);
            Assert.Contains(tensor == "agcam" ? "The first stage that diverges is maps" : "The first stage that diverges is logits", outcome.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Pixels_are_compared_when_the_reference_has_the_picture()
    {
        using var folder = new TemporaryFolder();
        using var checkpoint = AgCam.Models.Checkpoint.Open(SomeImages.Model);
        var right = ReferenceFile.OfPicture(folder["right.safetensors"], checkpoint, shift: 0);
        var wrong = ReferenceFile.OfPicture(folder["wrong.safetensors"], checkpoint, shift: 1);
        Assert.Contains("pixels   agrees", Agcam.Run("models", "verify", SomeImages.Model, "--against", right).Output, StringComparison.Ordinal);
        var outcome = Agcam.Run("models", "verify", SomeImages.Model, "--against", wrong);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("The first stage that diverges is pixels", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reference_of_another_model_is_refused()
    {
        var outcome = Agcam.Run("models", "verify", Fixture.Path("models", "timm_vit_patch8_96"), "--against", Fixture.Path("models", "timm_vit", "golden.safetensors"));
        Assert.Equal(2, outcome.Code);
        Assert.Contains("Was the reference made with the same model?", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_shows_the_shape()
    {
        var found = Assert.Single(Agcam.Run("models", "inspect", SomeImages.Model, "--json").Rows);
        Assert.Equal(SomeImages.Classes, found.GetProperty("config").GetProperty("classes").GetInt32());
    }

    [Fact]
    public void A_cache_without_models_lists_none()
    {
        using var folder = new TemporaryFolder();
        var outcome = Agcam.Run(["models", "list"], "", ("HF_HOME", folder.Path));
        Assert.Equal(0, outcome.Code);
        Assert.Empty(outcome.Output);
    }
}
