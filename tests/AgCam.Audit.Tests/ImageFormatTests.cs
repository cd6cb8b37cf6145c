using System.Text.Json;
using AgCam.Audit.Findings;
using AgCam.Audit.Output;
using AgCam.Heatmaps;
using NetVips;
using Xunit;

namespace AgCam.Audit.Tests;

/// <summary>Tests coco.json and fiftyone/ on rows that a small model's job does not have.</summary>
public sealed class ImageFormatTests : IDisposable
{
    private static readonly ClassNames Classes = new(2, ["cat", "dog \"é\""]);
    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-formats-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Box_that_rounding_moved_outside_is_clipped_and_an_empty_one_left_out()
    {
        var row = Some.Row(7) with
        {
            Picture = Some.Picture,
            Probabilities = new ClassProbabilities([0.1, 0.9]),
            Boxes = [new BoundingBox(-0.5, 470, 100, 20, 0.75), new BoundingBox(640, 0, 3, 3)],
        };
        var json = new MemoryStream();
        using (var coco = new CocoFile(json, Classes))
        {
            coco.Add(Some.Row(6)); // size unknown
            coco.Add(row);
            coco.Complete("model");
        }
        var read = JsonSerializer.Deserialize<JsonElement>(json.ToArray());
        Assert.Equal(7, Assert.Single(read.GetProperty("images").EnumerateArray()).GetProperty("id").GetInt32());
        var annotation = Assert.Single(read.GetProperty("annotations").EnumerateArray());
        Assert.Equal([0, 470, 99.5, 10], annotation.GetProperty("bbox").EnumerateArray().Select(value => value.GetDouble()));
        Assert.Equal((995, 2), (annotation.GetProperty("area").GetDouble(), annotation.GetProperty("category_id").GetInt32()));
        Assert.Equal("dog \"é\"", read.GetProperty("categories")[1].GetProperty("name").GetString());
    }

    [Fact]
    public void Heatmap_of_a_crop_stands_at_its_place_in_the_picture()
    {
        using var samples = new MemoryStream();
        using var folder = new FiftyOneFolder(_folder, samples, Classes, [new LabelFinding(2)]);
        var row = Some.Row(3) with
        {
            Picture = Some.Picture with { Width = 200, Height = 100 },
            Map = Some.Map(0, 1, 2, 4),
            MapArea = new BoundingBox(50, 0, 100, 100),
        };
        folder.Add(row, new ImageResult([new ImageScore(0.1, IsIssue: true)], []));
        folder.Add(row with { Number = 4 }, new ImageResult([new ImageScore(0.1, IsIssue: false)], []));
        folder.Complete();
        var map = Assert.Single(Directory.GetFiles(Path.Combine(_folder, "fields", "heatmap")));
        using var image = Image.NewFromFile(map);
        Assert.Equal((4, 2, 1), (image.Width, image.Height, image.Bands));
        Assert.Equal([0, 0, 64, 0, 0, 128, 255, 0], image.WriteToMemory<byte>());
        var written = JsonSerializer.Deserialize<JsonElement>(samples.ToArray()).GetProperty("samples");
        Assert.Equal(map, written[0].GetProperty("heatmap").GetProperty("map_path").GetString());
        Assert.Equal("label", Assert.Single(written[0].GetProperty("tags").EnumerateArray()).GetString());
        Assert.Equal(0, written[1].GetProperty("tags").GetArrayLength());
        Assert.False(written[1].TryGetProperty("heatmap", out _));
    }
}
