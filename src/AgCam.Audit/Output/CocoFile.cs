using System.Globalization;
using System.Text.Json.Nodes;

namespace AgCam.Audit.Output;

/// <summary>
/// Writes coco.json, in COCO's detection format: each box of a heatmap is an annotation of the predicted class. Annotations follow the
/// images, so they go to a temporary file until all images are known.
/// </summary>
internal sealed class CocoFile : IDisposable
{
    private readonly ClassNames _classes;
    private readonly StreamWriter _json;
    private readonly StreamWriter _annotations;
    private bool _hasImages;
    private long _boxes;

    public CocoFile(Stream json, ClassNames classes)
    {
        _classes = classes;
        _json = new StreamWriter(json);
        var temporary = Path.Combine(Path.GetTempPath(), $"agcam-coco-{Guid.NewGuid():N}.tmp");
        _annotations = new StreamWriter(
            new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose)
        );
        _json.Write("{\"images\":[");
    }

    /// <summary>Adds an image whose size is known, and its boxes.</summary>
    public void Add(AuditRow row)
    {
        if (row.Picture is not { } picture)
            return;
        var image = new JsonObject
        {
            ["id"] = row.Number,
            ["file_name"] = row.Path,
            ["width"] = picture.Width,
            ["height"] = picture.Height,
        };
        _json.Write((_hasImages ? ",\n" : "\n") + image.ToJsonString(FiftyOneFolder.Compact));
        _hasImages = true;
        if (row.Probabilities is not { } probabilities)
            return;
        foreach (var box in row.Boxes.Select(box => box.Clip(picture.Width, picture.Height)).Where(box => box.Area > 0))
        {
            _boxes++;
            var annotation = new JsonObject
            {
                ["id"] = _boxes,
                ["image_id"] = row.Number,
                ["category_id"] = probabilities.Predicted + 1,
                ["bbox"] = new JsonArray(box.X, box.Y, box.Width, box.Height),
                ["area"] = box.Area,
                ["iscrowd"] = 0,
                ["score"] = box.Score,
            };
            _annotations.Write((_boxes > 1 ? ",\n" : "\n") + annotation.ToJsonString());
        }
    }

    /// <summary>Appends the annotations and the categories.</summary>
    /// <param name="model">Name of the model.</param>
    public void Complete(string model)
    {
        _json.Write("\n],\"annotations\":[");
        _json.Flush();
        _annotations.Flush();
        _annotations.BaseStream.Position = 0;
        _annotations.BaseStream.CopyTo(_json.BaseStream);
        var categories = new JsonArray();
        for (var index = 0; index < _classes.Count; index++)
            categories.Add(
                new JsonObject { ["id"] = index + 1, ["name"] = _classes[index] ?? index.ToString(CultureInfo.InvariantCulture) }
            );
        var info = new JsonObject { ["description"] = $"Boxes of the heatmaps of {model}" };
        _json.Write($"\n],\"categories\":{categories.ToJsonString(FiftyOneFolder.Compact)}");
        _json.Write($",\"info\":{info.ToJsonString(FiftyOneFolder.Compact)}}}\n");
        _json.Flush();
    }

    public void Dispose() => _annotations.Dispose();
}
