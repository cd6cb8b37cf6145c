using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgCam.Audit.Findings;
using AgCam.Heatmaps;
using AgCam.Pipeline.Records;

namespace AgCam.Audit.Output;

/// <summary>
/// Writes fiftyone/, which FiftyOne loads as its type FiftyOneDataset. Without a version in metadata.json, FiftyOne reads samples as
/// LegacyFiftyOneDatasetImporter does: ids and schema are made by the import.
/// </summary>
internal sealed class FiftyOneFolder : IDisposable
{
    public static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ClassNames _classes;
    private readonly StreamWriter _samples;
    private readonly string[] _imageFindings;
    private readonly string[] _groupFindings;
    private readonly string _maps;
    private readonly string _temporaryMaps;
    private bool _hasSamples;

    /// <param name="samples">Stream of samples.json.</param>
    public FiftyOneFolder(string folder, Stream samples, ClassNames classes, IReadOnlyList<Finding> findings)
    {
        _classes = classes;
        _samples = new StreamWriter(samples);
        _imageFindings = [.. findings.OfType<ImageFinding>().Select(finding => finding.Name)];
        _groupFindings = [.. findings.OfType<GroupFinding>().Select(finding => finding.Name)];
        _maps = Path.GetFullPath(Path.Combine(folder, "fields", "heatmap"));
        _temporaryMaps = $"{_maps}.{Guid.NewGuid():N}.tmp";
        Directory.CreateDirectory(_temporaryMaps);
        _samples.Write("{\"samples\":[");
    }

    public void Add(AuditRow row, ImageResult result)
    {
        if (row.Path is null)
            return;
        string[] tags =
        [
            .. _imageFindings.Where((_, index) => result.Scores[index] is { IsIssue: true }),
            .. _groupFindings.Where((_, index) => result.Groups[index] is { Number: not null }),
        ];
        var sample = new JsonObject { ["filepath"] = row.Path, ["tags"] = new JsonArray([.. tags.Select(tag => JsonValue.Create(tag))]) };
        if (row.Label is { } label)
            sample["ground_truth"] = new JsonObject { ["_cls"] = "Classification", ["label"] = Name(label) };
        if (row.Probabilities is { } probabilities)
            AddPrediction(sample, row, probabilities);
        if (tags.Length > 0 && row is { Map: { IsFlat: false } map, Picture: { } picture })
        {
            var name = $"{row.Number.ToString(CultureInfo.InvariantCulture)}.png";
            File.WriteAllBytes(Path.Combine(_temporaryMaps, name), Encode(map, row.MapArea, picture));
            sample["heatmap"] = new JsonObject { ["_cls"] = "Heatmap", ["map_path"] = Path.Combine(_maps, name) };
        }
        _samples.Write((_hasSamples ? ",\n" : "\n") + sample.ToJsonString(Compact));
        _hasSamples = true;
    }

    /// <summary>Returns the content of metadata.json.</summary>
    public byte[] Metadata()
    {
        var classes = Enumerable.Range(0, _classes.Count).Select(index => JsonValue.Create(Name(index)));
        var metadata = new JsonObject
        {
            ["media_type"] = "image",
            ["info"] = new JsonObject { ["classes"] = new JsonArray([.. classes]) },
        };
        return JsonSerializer.SerializeToUtf8Bytes(metadata, Compact);
    }

    /// <summary>Ends samples.json, and replaces the heatmaps of an earlier audit.</summary>
    public void Complete()
    {
        _samples.Write("\n]}\n");
        _samples.Flush();
        if (Directory.Exists(_maps))
            Directory.Delete(_maps, recursive: true);
        Directory.Move(_temporaryMaps, _maps);
    }

    public void Dispose()
    {
        if (Directory.Exists(_temporaryMaps))
            Directory.Delete(_temporaryMaps, recursive: true);
    }

    private void AddPrediction(JsonObject sample, AuditRow row, ClassProbabilities probabilities)
    {
        var label = Name(probabilities.Predicted);
        sample["prediction"] = new JsonObject
        {
            ["_cls"] = "Classification",
            ["label"] = label,
            ["confidence"] = probabilities[probabilities.Predicted],
        };
        if (row.Picture is not { } picture)
            return;
        var detections = new JsonArray();
        foreach (var box in row.Boxes.Select(box => box.Clip(picture.Width, picture.Height)).Where(box => box.Area > 0))
            detections.Add(
                new JsonObject
                {
                    ["_cls"] = "Detection",
                    ["label"] = label,
                    ["bounding_box"] = new JsonArray(
                        box.X / picture.Width,
                        box.Y / picture.Height,
                        box.Width / picture.Width,
                        box.Height / picture.Height
                    ),
                    ["confidence"] = box.Score,
                }
            );
        sample["boxes"] = new JsonObject { ["_cls"] = "Detections", ["detections"] = detections };
    }

    /// <summary>
    /// Encodes a map as grey values of the whole picture, because FiftyOne stretches it over that. A value per patch; 0 outside the area.
    /// </summary>
    private static byte[] Encode(Heatmap map, BoundingBox? mapArea, PictureFacts picture)
    {
        var area = mapArea ?? new BoundingBox(0, 0, picture.Width, picture.Height);
        var rows = Math.Max(1, (int)Math.Round(map.Rows * picture.Height / area.Height));
        var columns = Math.Max(1, (int)Math.Round(map.Columns * picture.Width / area.Width));
        var normalized = map.Normalize();
        var values = new byte[rows * columns];
        for (var row = 0; row < rows; row++)
        for (var column = 0; column < columns; column++)
        {
            var (y, x) = ((row + 0.5) / rows * picture.Height, (column + 0.5) / columns * picture.Width);
            var patchRow = (int)Math.Floor((y - area.Y) / area.Height * map.Rows);
            var patchColumn = (int)Math.Floor((x - area.X) / area.Width * map.Columns);
            if (patchRow >= 0 && patchRow < map.Rows && patchColumn >= 0 && patchColumn < map.Columns)
                values[row * columns + column] = (byte)Math.Round(255 * normalized[patchRow, patchColumn]);
        }
        return PngEncoder.EncodeGrey(columns, rows, values);
    }

    private string Name(int index) => _classes[index] ?? index.ToString(CultureInfo.InvariantCulture);
}
