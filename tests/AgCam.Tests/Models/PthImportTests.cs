using AgCam.Models;
using AgCam.Models.Pickle;
using AgCam.Preprocessing;
using Xunit;

namespace AgCam.Tests.Models;

public sealed class PthImportTests : IDisposable
{
    private static readonly CheckpointOptions Options = new()
    {
        Architecture = "vit_tiny_patch16_224",
        Heads = 4,
        Mean = [0.5f, 0.5f, 0.5f],
        Std = [0.5f, 0.5f, 0.5f],
        CropPct = 0.9,
        CropMode = CropMode.Center,
        Interpolation = Interpolation.Bicubic,
        ClassNames = ["anchor", "bell", "comet", "drum", "ember", "fern", "gate", "harp", "iris", "jade"],
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("state_dict.pth", "")]
    [InlineData("legacy.pth", "")]
    [InlineData("training_checkpoint.pth.tar", "state_dict")]
    [InlineData("with_ema.pth.tar", "state_dict_ema")]
    [InlineData("malicious.pth", "state_dict")]
    public void Imported_model_equals_the_saved_one(string file, string stateKey)
    {
        var imported = ModelImport.Run(Fixture.Path("pth", file), _folder["model"], Options);
        Assert.Equal(stateKey, imported.StateKey);

        using var original = Checkpoint.Open(Fixture.Path("models", "timm_vit"));
        using var copy = Checkpoint.Open(imported.Folder);
        Assert.Equal(original.Config, copy.Config);
        Assert.Equal(original.ClassNames, copy.ClassNames);
        Assert.Equal(original.Preprocessing.ResizeHeight, copy.Preprocessing.ResizeHeight);
        Assert.Equal(original.Preprocessing.Mean, copy.Preprocessing.Mean);
        Assert.Equal(original.Weights.Count, copy.Weights.Count);
        foreach (var (name, tensor) in original.Weights)
            Assert.True(tensor.Bytes.SequenceEqual(copy.Weights[name].Bytes), name);
    }

    [Fact]
    public void Half_precision_stays_half_precision()
    {
        var imported = ModelImport.Run(Fixture.Path("pth", "half.pth"), _folder["model"], Options);
        using var copy = Checkpoint.Open(imported.Folder);
        using var original = Checkpoint.Open(Fixture.Path("models", "timm_vit"));
        Assert.All(copy.Weights.Values, tensor => Assert.Equal(DType.F16, tensor.DType));
        Assert.Equal(original.Weights["norm.bias"].ToFloat32().Select(value => (float)(Half)value), copy.Weights["norm.bias"].ToFloat32());
    }

    [Fact]
    public void Code_in_a_malicious_pickle_does_not_run()
    {
        var before = Directory.GetCurrentDirectory();
        using (var file = PthFile.Open(Fixture.Path("pth", "malicious.pth")))
            Assert.NotEmpty(file.Tensors);
        foreach (var folder in new[] { before, AppContext.BaseDirectory, Fixture.Path("pth"), Repository.Root })
            Assert.False(File.Exists(Path.Combine(folder, "PWNED")), folder);
    }

    [Fact]
    public void Pickle_is_refused_with_the_import_command()
    {
        foreach (var file in Directory.GetFiles(Fixture.Path("pth")))
        {
            var error = Assert.Throws<ModelException>(() => Checkpoint.Open(file));
            Assert.Equal(ModelFailure.PickleNotImported, error.Reason);
            Assert.Contains("--arch", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Import_without_preprocessing_lists_every_missing_option()
    {
        var error = Assert.Throws<ModelException>(() =>
            ModelImport.Run(
                Fixture.Path("pth", "state_dict.pth"),
                _folder["model"],
                new CheckpointOptions { Architecture = "vit_tiny_patch16_224", Heads = 4 }
            )
        );
        Assert.Equal(ModelFailure.NoPreprocessing, error.Reason);
        foreach (var option in new[] { "CropMode", "Interpolation", "Mean", "Std" })
            Assert.Contains($"CheckpointOptions.{option}", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["model"]));
    }

    [Fact]
    public void Unknown_number_of_heads_is_requested()
    {
        var error = Assert.Throws<ModelException>(() =>
            ModelImport.Run(Fixture.Path("pth", "state_dict.pth"), _folder["model"], Options with { Heads = null })
        );
        Assert.Contains("CheckpointOptions.Heads", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_with_files_is_not_overwritten()
    {
        Directory.CreateDirectory(_folder["model"]);
        File.WriteAllText(Path.Combine(_folder["model"], "precious.txt"), "mine");
        Assert.Throws<ModelException>(() => ModelImport.Run(Fixture.Path("pth", "state_dict.pth"), _folder["model"], Options));
        Assert.Equal(["precious.txt"], Directory.GetFileSystemEntries(_folder["model"]).Select(Path.GetFileName));
    }

    [Fact]
    public void Failed_import_leaves_nothing_behind()
    {
        Assert.Throws<ModelException>(() =>
            ModelImport.Run(Fixture.Path("pth", "state_dict.pth"), _folder["model"], Options with { ClassNames = ["one"] })
        );
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Pickle_beside_its_configuration_keeps_the_configuration()
    {
        // The files of older models on the Hub: config.json, preprocessor_config.json and a pickle.
        var source = Directory.CreateDirectory(_folder["source"]).FullName;
        File.Copy(Fixture.Path("pth", "state_dict.pth"), Path.Combine(source, "pytorch_model.bin"));
        File.Copy(Fixture.Path("models", "timm_vit", "config.json"), Path.Combine(source, "config.json"));
        var error = Assert.Throws<ModelException>(() => Checkpoint.Open(source));
        Assert.Equal(ModelFailure.PickleNotImported, error.Reason);
        Assert.DoesNotContain("--arch", error.Message, StringComparison.Ordinal); // --arch would ignore the configuration

        var imported = ModelImport.Run(Path.Combine(source, "pytorch_model.bin"), _folder["model"], new CheckpointOptions());
        using var original = Checkpoint.Open(Fixture.Path("models", "timm_vit"));
        using var copy = Checkpoint.Open(imported.Folder);
        Assert.Equal(original.Config, copy.Config);
        Assert.Equal(original.Preprocessing.ResizeHeight, copy.Preprocessing.ResizeHeight);
        Assert.All(original.Weights, pair => Assert.True(pair.Value.Bytes.SequenceEqual(copy.Weights[pair.Key].Bytes)));
    }

    [Fact]
    public void Bare_safetensors_file_is_imported_too()
    {
        var torchvision = Fixture.Path("models", "torchvision_vit", "model.safetensors");
        var imported = ModelImport.Run(torchvision, _folder["model"], Options with { Architecture = "vit_b_16", Heads = 2 });
        using var copy = Checkpoint.Open(imported.Folder);
        using var original = Checkpoint.Open(torchvision, new CheckpointOptions { Architecture = "vit_b_16", Heads = 2 });
        Assert.Equal(original.Config, copy.Config);
        Assert.Equal(PositionResizing.Torchvision, copy.Config.PositionResizing);
        Assert.All(original.Weights, pair => Assert.True(pair.Value.Bytes.SequenceEqual(copy.Weights[pair.Key].Bytes)));
    }

    [Theory]
    [InlineData("torchvision_vit", "vit_b_16")]
    [InlineData("timm_vit", "vit_base_patch16_224")]
    public void Number_of_heads_is_requested_for_another_width(string model, string architecture)
    {
        var options = Options with { Architecture = architecture, Heads = null };
        var bare = _folder["bare.safetensors"];
        File.Copy(Fixture.Path("models", model, "model.safetensors"), bare);
        var error = Assert.Throws<ModelException>(() => ModelImport.Run(bare, _folder["model"], options));
        Assert.Equal(ModelFailure.BadConfiguration, error.Reason);
        Assert.Contains("Give CheckpointOptions.Heads", error.Message, StringComparison.Ordinal);
        Assert.Contains(
            "Give CheckpointOptions.Heads",
            Assert.Throws<ModelException>(() => Checkpoint.Open(bare, options)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Import_without_architecture_and_configuration_requests_one()
    {
        var error = Assert.Throws<ModelException>(() =>
            ModelImport.Run(Fixture.Path("pth", "state_dict.pth"), _folder["model"], new CheckpointOptions())
        );
        Assert.Contains("CheckpointOptions.Architecture", error.Message, StringComparison.Ordinal);
    }
}
