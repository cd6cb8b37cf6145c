using System.Text.Json;
using AgCam.Images;
using AgCam.Models;
using Xunit;

namespace AgCam.Scenes.Tests;

public sealed class ShippedTests
{
    [Fact]
    public void Shipped_model_is_small_and_names_its_classes()
    {
        using var checkpoint = Checkpoint.Open(Shipped.Model);
        Assert.InRange(checkpoint.Weights.Values.Sum(weight => weight.ElementCount), 100_000, 3_000_000);
        Assert.Equal(SceneClass.Names, checkpoint.ClassNames);
        Assert.Equal((96, 96, 8), (checkpoint.Config.ImageHeight, checkpoint.Config.ImageWidth, checkpoint.Config.PatchSize));
    }

    [Fact]
    public void Two_dozen_pictures_ship_with_their_labels_and_boxes()
    {
        var lines = Metadata();
        Assert.Equal(24, lines.Count);
        Assert.Equal(
            lines.Select(line => line.File).Order(),
            Directory.EnumerateFiles(Shipped.Pictures, "*.png").Select(Path.GetFileName).Order()
        );
        Assert.Equal(SceneClass.Names.Order(), lines.Select(line => line.Label).Distinct().Order());
        Assert.Contains(lines, line => line.Watermark && line.Label != SceneClass.Names[SceneClass.Watermarked]);
        foreach (var line in lines)
        {
            var image = Decode(Path.Combine(Shipped.Pictures, line.File));
            Assert.Equal((Scene.Side, Scene.Side), (image.Width, image.Height));
            Assert.True(
                line.Box[0] >= 0 && line.Box[1] >= 0 && line.Box[0] + line.Box[2] <= Scene.Side && line.Box[1] + line.Box[3] <= Scene.Side
            );
        }
    }

    [Fact]
    public void Shipped_pictures_equal_the_generated_ones()
    {
        var folder = Directory.CreateTempSubdirectory("agcam-scenes-");
        try
        {
            SceneFolder.DrawShipped(folder.FullName);
            Assert.Equal(
                File.ReadAllText(Path.Combine(Shipped.Pictures, SceneFolder.Metadata)),
                File.ReadAllText(Path.Combine(folder.FullName, SceneFolder.Metadata))
            );
            foreach (var line in Metadata())
                Assert.Equal(
                    Decode(Path.Combine(Shipped.Pictures, line.File)).Pixels,
                    Decode(Path.Combine(folder.FullName, line.File)).Pixels
                );
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Shipped_model_classifies_its_pictures()
    {
        using var checkpoint = Checkpoint.Open(Shipped.Model);
        using var explainer = new Explainer(checkpoint, new ExplainerOptions { Device = "cpu" });
        var untouched = Metadata().Take(20).ToList(); // the others have the watermark added or removed
        var right = untouched.Count(line =>
            explainer.Explain(Decode(Path.Combine(Shipped.Pictures, line.File))).Predictions[0].Name == line.Label
        );
        Assert.True(right >= untouched.Count - 1, $"{right} of {untouched.Count} right");
    }

    [Fact]
    public void Shipped_model_classifies_new_scenes()
    {
        using var checkpoint = Checkpoint.Open(Shipped.Model);
        using var explainer = new Explainer(checkpoint, new ExplainerOptions { Device = "cpu" });
        const int Count = 300;
        var scenes = Enumerable.Range(0, Count).Select(i => Scene.Draw(77, i)).ToArray();
        var right = scenes
            .Chunk(50)
            .Sum(batch =>
                explainer
                    .Explain(
                        [.. batch.Select(scene => explainer.Prepare(scene.Image))],
                        [.. batch.Select(_ => (int?)null)],
                        new ExplainOptions { Targets = [] }
                    )
                    .Zip(batch)
                    .Count(pair => pair.First.Predictions[0].Class == pair.Second.Class)
            );
        Assert.True(right >= 0.93 * Count, $"{right} of {Count} right"); // 0.97 expected, 0.01 a standard deviation
    }

    private static RgbImage Decode(string path) => ImageDecoder.Decode(File.ReadAllBytes(path), ImageLimits.Default);

    private static List<(string File, string Label, bool Watermark, double[] Box)> Metadata() =>
        [
            .. File.ReadLines(Path.Combine(Shipped.Pictures, SceneFolder.Metadata))
                .Select(line => JsonDocument.Parse(line).RootElement)
                .Select(line =>
                    (
                        line.GetProperty("file_name").GetString()!,
                        line.GetProperty("label").GetString()!,
                        line.GetProperty("watermark").GetBoolean(),
                        line.GetProperty("objects").GetProperty("bbox")[0].EnumerateArray().Select(value => value.GetDouble()).ToArray()
                    )
                ),
        ];
}
