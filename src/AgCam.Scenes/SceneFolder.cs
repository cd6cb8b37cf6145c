using System.Text;
using System.Text.Json.Nodes;
using AgCam.Heatmaps;

namespace AgCam.Scenes;

/// <summary>Options of <see cref="SceneFolder.Draw"/>.</summary>
public sealed record SceneFolderOptions
{
    public required string Folder { get; init; }

    public int Count { get; init; } = 24;

    public long Seed { get; init; } = 3;

    /// <summary>Index of the first scene. Default 0.</summary>
    public long First { get; init; }

    public SceneOptions Scenes { get; init; } = new();
}

/// <summary>
/// Writes scenes as PNG files, with metadata.jsonl in the layout of a Hugging Face image folder. Each line has file_name, label,
/// objects.bbox [x, y, width, height] in pixels, and the watermark's presence and box.
/// </summary>
public static class SceneFolder
{
    public const string Metadata = "metadata.jsonl";

    /// <summary>Draws scenes first to first + count - 1.</summary>
    public static void Draw(SceneFolderOptions options, Action<string> log)
    {
        var scenes = Enumerable
            .Range(0, options.Count)
            .Select(i => options.First + i)
            .Select(index => (index, Scene.Draw(options.Seed, index, options.Scenes)));
        Write(options.Folder, scenes);
        log($"{options.Count:N0} scenes of seed {options.Seed} and {Metadata} in {options.Folder}");
    }

    /// <summary>
    /// Draws the shipped pictures: the first two of every class, three of other classes with the watermark pasted on, and one of the
    /// watermarked class without its mark.
    /// </summary>
    public static void DrawShipped(string folder)
    {
        const long Seed = 3;
        static (long, Scene) Drawn(long index, WatermarkRule rule) =>
            (index, Scene.Draw(Seed, index, new SceneOptions { Watermark = rule }));
        long[] pasted = [23, 26, 28];
        Write(
            folder,
            [
                .. Enumerable.Range(0, 20).Select(index => Drawn(index, WatermarkRule.AsDrawn)),
                .. pasted.Select(index => Drawn(index, WatermarkRule.Always)),
                Drawn(SceneClass.Watermarked, WatermarkRule.Never),
            ]
        );
    }

    /// <summary>Writes scenes. File names consist of index, class and watermark, e.g. 00009-fish-watermark.png.</summary>
    public static void Write(string folder, IEnumerable<(long Index, Scene Scene)> scenes)
    {
        Directory.CreateDirectory(folder);
        var lines = new StringBuilder();
        foreach (var (index, scene) in scenes)
        {
            var name = $"{index:D5}-{scene.Name}{(scene.HasWatermark ? "-watermark" : "")}.png";
            PngEncoder.Save(scene.Image, Path.Combine(folder, name));
            lines.Append(Line(name, scene).ToJsonString()).Append('\n');
        }
        File.WriteAllText(Path.Combine(folder, Metadata), lines.ToString());
    }

    private static JsonObject Line(string name, Scene scene)
    {
        var line = new JsonObject
        {
            ["file_name"] = name,
            ["label"] = scene.Name,
            ["objects"] = new JsonObject { ["bbox"] = new JsonArray(Numbers(scene.Box)), ["category"] = new JsonArray(scene.Name) },
            ["watermark"] = scene.HasWatermark,
        };
        if (scene.WatermarkBox is { } mark)
            line["watermark_bbox"] = Numbers(mark);
        return line;
    }

    private static JsonArray Numbers(BoundingBox box) => new(box.X, box.Y, box.Width, box.Height);
}
