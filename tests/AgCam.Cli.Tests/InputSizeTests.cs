using AgCam.Models;
using Xunit;

namespace AgCam.Cli.Tests;

/// <summary>Inspects and explains weights of a 4 x 4 grid (64 pixels) with other sizes in the configuration.</summary>
public sealed class InputSizeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Writes the configuration that timm writes after fine-tuning at another input size.</summary>
    [Fact]
    public void Weights_and_model_args_override_the_pretrained_input_size()
    {
        SizedModel.Write(_folder, size: 64, pretrained: 96);
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal((64, 64), (checkpoint.Config.ImageHeight, checkpoint.Config.ImageWidth));
        Assert.Equal((64, 64), (checkpoint.Preprocessing.InputHeight, checkpoint.Preprocessing.InputWidth));

        var shown = Agcam.Run("models", "inspect", _folder.Path).Output;
        Assert.Contains("64 x 64, patch 16: a grid of 4 x 4, 1 prefix", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("96 x 96", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("96x96", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void Explanations_have_the_size_that_inspect_shows()
    {
        using var pictures = SomeImages.Folder(1);
        SizedModel.Write(_folder, size: 64, pretrained: 64);
        var plain = Grid(pictures.Path);
        SizedModel.Write(_folder, size: 64, pretrained: 96);
        Assert.Equal(plain, Grid(pictures.Path));
        Assert.Equal((4, 4), Grid(pictures.Path));
    }

    [Fact]
    public void Dynamic_model_runs_at_the_size_of_its_images()
    {
        SizedModel.Write(_folder, size: 64, pretrained: 96, dynamic: true);
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal((64, 96), (checkpoint.Config.ImageHeight, checkpoint.Preprocessing.InputHeight));
        var shown = Agcam.Run("models", "inspect", _folder.Path).Output;
        Assert.Contains("a grid of 6 x 6, positions resized from 4 x 4", shown, StringComparison.Ordinal);
    }

    private (int Rows, int Columns) Grid(string pictures)
    {
        var row = Agcam.Run("explain", pictures, "--model", _folder.Path, "--json", "-q").Rows.Single();
        var map = row.GetProperty("explanations")[0].GetProperty("grid");
        return (map.GetProperty("rows").GetInt32(), map.GetProperty("columns").GetInt32());
    }
}
