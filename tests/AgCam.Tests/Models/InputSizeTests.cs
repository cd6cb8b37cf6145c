using System.Text.Json.Nodes;
using AgCam.Models;
using Xunit;

namespace AgCam.Tests.Models;

/// <summary>Tests weights of a 4 x 4 grid (64 pixels) with other sizes in the configuration.</summary>
public sealed class InputSizeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(96, 64)] // the weights are for 64
    [InlineData(96, 96)]
    [InlineData(96, null)]
    [InlineData(null, 96)]
    public void Unresolved_contradiction_is_an_error_that_names_both_sizes(int? size, int? pretrained)
    {
        SizedModel.Write(_folder, size, pretrained);
        var error = Assert.Throws<ModelException>(() => Checkpoint.Open(_folder.Path));
        Assert.Equal(ModelFailure.BadConfiguration, error.Reason);
        Assert.Contains("4 x 4 patches (64 x 64 pixels)", error.Message, StringComparison.Ordinal);
        Assert.Contains($"model_args.img_size is {Sides(size)}", error.Message, StringComparison.Ordinal);
        Assert.Contains($"pretrained_cfg.input_size is {Sides(pretrained)}", error.Message, StringComparison.Ordinal);

        using var given = Checkpoint.Open(_folder.Path, new CheckpointOptions { ImageSize = 128 });
        Assert.Equal(64, given.Config.ImageHeight);
        if (pretrained is not null)
            Assert.Equal(128, given.Preprocessing.InputHeight);

        static string Sides(int? side) => side is null ? "missing" : $"{side} x {side}";
    }

    [Fact]
    public void Two_sizes_contradict_each_other_without_positions_in_the_weights()
    {
        using var some = new SomeDinoV3();
        var config = JsonNode.Parse(File.ReadAllText(some["config.json"]))!;
        config["pretrained_cfg"]!["input_size"] = new JsonArray(3, 32, 32);
        config["model_args"]!["dynamic_img_size"] = false;
        File.WriteAllText(some["config.json"], config.ToJsonString());
        var error = Assert.Throws<ModelException>(() => some.Open());
        Assert.Contains("img_size is 48 x 64 and pretrained_cfg.input_size is 32 x 32", error.Message, StringComparison.Ordinal);
        config["model_args"]!["dynamic_img_size"] = true;
        File.WriteAllText(some["config.json"], config.ToJsonString());
        using var dynamic = some.Open();
        Assert.Equal(32, dynamic.Preprocessing.InputHeight);
    }

    [Fact]
    public void Hugging_face_processor_of_another_size_is_an_error_that_names_both()
    {
        var source = Fixture.Path("models", "hf_vit");
        foreach (var file in Directory.GetFiles(source))
            File.Copy(file, _folder[Path.GetFileName(file)]);
        var processor = JsonNode.Parse(File.ReadAllText(_folder["preprocessor_config.json"]))!;
        processor["size"] = new JsonObject { ["height"] = 96, ["width"] = 96 };
        File.WriteAllText(_folder["preprocessor_config.json"], processor.ToJsonString());
        var error = Assert.Throws<ModelException>(() => Checkpoint.Open(_folder.Path));
        Assert.Equal(ModelFailure.BadConfiguration, error.Reason);
        Assert.Contains("64 x 64", error.Message, StringComparison.Ordinal);
        Assert.Contains("96 x 96", error.Message, StringComparison.Ordinal);
        using var given = Checkpoint.Open(_folder.Path, new CheckpointOptions { ImageSize = 96 });
        Assert.Equal(96, given.Preprocessing.InputHeight);
    }
}
