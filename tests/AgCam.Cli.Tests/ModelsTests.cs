using Xunit;

namespace AgCam.Cli.Tests;

public class ModelsTests
{
    [Theory]
    [InlineData("timm_vit")]
    [InlineData("hf_vit")]
    [InlineData("timm_deit_distilled")]
    public void Model_agrees_with_its_reference(string name)
    {
        var outcome = Agcam.Run(
            "models",
            "verify",
            Fixture.Path("models", name),
            "--against",
            Fixture.Path("models", name, "golden.safetensors"),
            "--json"
        );
        Assert.Equal(0, outcome.Code);
        var found = Assert.Single(outcome.Rows);
        Assert.True(found.GetProperty("agrees").GetBoolean());
        Assert.Equal(
            ["logits", "maps"],
            found.GetProperty("stages").EnumerateArray().Select(stage => stage.GetProperty("name").GetString())
        );
    }

    [Fact]
    public void First_stage_that_diverges_is_named()
    {
        using var folder = new TemporaryFolder();
        foreach (var tensor in new[] { "input", "logits", "agcam" })
        {
            ReferenceFile.Write(folder["reference.safetensors"], Fixture.Path("models", "timm_vit", "golden.safetensors"), tensor);
            var outcome = Agcam.Run("models", "verify", SomeImages.Model, "--against", folder["reference.safetensors"]);
            Assert.Equal(1, outcome.Code);
            Assert.Contains(
                tensor == "agcam" ? "The first stage that diverges is maps" : "The first stage that diverges is logits",
                outcome.Output,
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public void Pixels_are_compared_when_the_reference_has_the_picture()
    {
        using var folder = new TemporaryFolder();
        using var checkpoint = AgCam.Models.Checkpoint.Open(SomeImages.Model);
        var right = ReferenceFile.OfPicture(folder["right.safetensors"], checkpoint, shift: 0);
        var wrong = ReferenceFile.OfPicture(folder["wrong.safetensors"], checkpoint, shift: 1);
        Assert.Contains(
            "pixels   agrees",
            Agcam.Run("models", "verify", SomeImages.Model, "--against", right).Output,
            StringComparison.Ordinal
        );
        var outcome = Agcam.Run("models", "verify", SomeImages.Model, "--against", wrong);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("The first stage that diverges is pixels", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Reference_of_another_model_is_refused()
    {
        var outcome = Agcam.Run(
            "models",
            "verify",
            Fixture.Path("models", "timm_vit_patch8_96"),
            "--against",
            Fixture.Path("models", "timm_vit", "golden.safetensors")
        );
        Assert.Equal(2, outcome.Code);
        Assert.Contains("Was the reference made with the same model?", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_shows_the_configuration()
    {
        var found = Assert.Single(Agcam.Run("models", "inspect", SomeImages.Model, "--json").Rows);
        Assert.Equal(SomeImages.Classes, found.GetProperty("config").GetProperty("classes").GetInt32());
    }

    [Fact]
    public void Pulled_model_is_listed_and_used_offline()
    {
        using var folder = SomeImages.Folder(1);
        using var hub = new LocalHub("models", "timm_vit");
        (string, string)[] online = [("HF_ENDPOINT", hub.Endpoint), ("HF_HOME", folder["hf"])];
        var pulled = AgcamProcess.Run(["models", "pull", LocalHub.Repo], "", online);
        Assert.Equal(0, pulled.Code);
        Assert.True(File.Exists(Path.Combine(pulled.Output.Trim(), "model.safetensors")));
        Assert.Contains("model.safetensors", pulled.Errors, StringComparison.Ordinal);

        (string, string)[] offline = [("HF_HUB_OFFLINE", "1"), ("HF_HOME", folder["hf"])];
        Assert.StartsWith(LocalHub.Repo, AgcamProcess.Run(["models", "list"], "", offline).Output, StringComparison.Ordinal);
        var row = Assert.Single(AgcamProcess.Run(["explain", folder["000.png"], "--model", LocalHub.Repo, "--json"], "", offline).Rows);
        Assert.Equal($"{LocalHub.Repo}@{LocalHub.Commit}", row.GetProperty("model").GetProperty("id").GetString());
    }

    [Fact]
    public void Pickle_is_imported_and_computes_the_same()
    {
        using var folder = new TemporaryFolder();
        string[] import =
        [
            "models",
            "import",
            Fixture.Path("pth", "training_checkpoint.pth.tar"),
            "--out",
            folder["vit"],
            "--arch",
            "vit_tiny_patch16_224",
            "--heads",
            "4",
        ];
        var incomplete = AgcamProcess.Run(import);
        Assert.Equal(2, incomplete.Code);
        Assert.Contains("--mean", incomplete.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["vit"]));

        var imported = AgcamProcess.Run([
            .. import,
            "--mean",
            "0.5,0.5,0.5",
            "--std",
            "0.5,0.5,0.5",
            "--crop-pct",
            "0.9",
            "--crop-mode",
            "center",
            "--interpolation",
            "bicubic",
        ]);
        Assert.Equal(0, imported.Code);
        Assert.Contains("weights from state_dict", imported.Errors, StringComparison.Ordinal);
        Assert.Equal(
            0,
            AgcamProcess.Run("models", "verify", folder["vit"], "--against", Fixture.Path("models", "timm_vit", "golden.safetensors")).Code
        );
    }

    [Fact]
    public void Cache_without_models_lists_none()
    {
        using var folder = new TemporaryFolder();
        var outcome = Agcam.Run(["models", "list"], "", ("HF_HOME", folder.Path));
        Assert.Equal(0, outcome.Code);
        Assert.Empty(outcome.Output);
    }
}
