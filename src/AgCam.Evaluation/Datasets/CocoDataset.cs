using System.Text.Json;
using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Evaluation.Datasets;

/// <summary>
/// Reads COCO's instances JSON: images, categories and annotations with bbox (x, y, width, height). Masks come from segmentation (polygons
/// or run lengths). Crowd boxes are skipped, as in COCO's own evaluation.
/// </summary>
internal static class CocoDataset
{
    public static IEnumerable<Sample> Read(string file, string? images, IFileReader files)
    {
        if (!files.FileExists(file))
            throw new DatasetException($"{file} is a folder. Give the JSON file of a COCO dataset.");
        var (pictures, objects) = Parse(file, files);
        var folders = Folders(file, images);
        foreach (var (id, name) in pictures)
        {
            var path =
                folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(files.FileExists) ?? Path.Combine(folders[0], name);
            if (!objects.TryGetValue(id, out var found))
                yield return new Sample(name, path) { WithoutBoxes = SkipReason.NoBoxes };
            else if (found.Contains(null))
                yield return new Sample(name, path) { Unusable = SkipReason.BrokenAnnotation };
            else if (found.Count == 0)
                yield return new Sample(name, path) { WithoutBoxes = SkipReason.EmptyAnnotation };
            else
                foreach (var sample in Annotation.ByClass(name, path, found.Select(o => o!.Value)))
                    yield return sample;
        }
    }

    // annotations/instances_val2017.json belongs to ../val2017/
    private static string[] Folders(string file, string? images)
    {
        if (images is not null)
            return [images];
        var beside = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var above = Path.GetDirectoryName(beside) ?? beside;
        return
        [
            beside,
            Path.Combine(beside, "images"),
            above,
            Path.Combine(above, Path.GetFileNameWithoutExtension(file).Split('_')[^1]),
            Path.Combine(above, "images"),
        ];
    }

    private static (List<(long Id, string Name)> Images, Dictionary<long, List<(string, BoundingBox, ObjectMask?)?>> Objects) Parse(
        string file,
        IFileReader files
    )
    {
        try
        {
            using var stream = Dataset.Open(file, files);
            using var json = JsonDocument.Parse(stream);
            var root = json.RootElement;
            var classes = root.GetProperty("categories")
                .EnumerateArray()
                .ToDictionary(c => c.GetProperty("id").GetInt64(), c => c.GetProperty("name").GetString()!);
            List<(long Id, string Name)> images =
            [
                .. root.GetProperty("images")
                    .EnumerateArray()
                    .Select(i => (i.GetProperty("id").GetInt64(), i.GetProperty("file_name").GetString()!)),
            ];
            var objects = new Dictionary<long, List<(string, BoundingBox, ObjectMask?)?>>();
            foreach (var annotation in root.GetProperty("annotations").EnumerateArray())
            {
                var id = annotation.GetProperty("image_id").GetInt64();
                if (!objects.TryGetValue(id, out var list))
                    objects[id] = list = [];
                if (annotation.TryGetProperty("iscrowd", out var crowd) && crowd.ValueKind == JsonValueKind.Number && crowd.GetInt32() == 1)
                    continue;
                list.Add(Object(annotation, classes));
            }

            if (
                images.Select(i => i.Id).Distinct().Count() != images.Count
                || images.Select(i => i.Name).Distinct().Count() != images.Count
            )
                throw new DatasetException($"{file} lists an image twice.");
            return (images, objects);
        }
        catch (JsonException broken)
        {
            var place = $"line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1}";
            throw new DatasetException($"{file} is not valid JSON at {place}.", broken);
        }
        catch (Exception error)
            when (error
                    is KeyNotFoundException
                        or InvalidOperationException
                        or FormatException
                        or ArgumentException
                        or IndexOutOfRangeException
            )
        {
            throw new DatasetException($"{file} is not a COCO annotation file. It needs images, annotations and categories.", error);
        }
    }

    private static (string, BoundingBox, ObjectMask?)? Object(JsonElement annotation, Dictionary<long, string> classes)
    {
        if (
            !annotation.TryGetProperty("category_id", out var category)
            || !classes.TryGetValue(category.GetInt64(), out var name)
            || !annotation.TryGetProperty("bbox", out var box)
            || box.ValueKind != JsonValueKind.Array
            || box.GetArrayLength() != 4
            || box.EnumerateArray().Any(value => value.ValueKind != JsonValueKind.Number)
        )
            return null;
        return (
            name,
            new BoundingBox(box[0].GetDouble(), box[1].GetDouble(), box[2].GetDouble(), box[3].GetDouble()),
            annotation.TryGetProperty("segmentation", out var mask) ? Mask(mask) : null
        );
    }

    /// <summary>Returns null where there is no mask. Invalid numbers are detected when the mask is drawn.</summary>
    private static ObjectMask? Mask(JsonElement segmentation)
    {
        if (segmentation.ValueKind == JsonValueKind.Array && segmentation.GetArrayLength() > 0)
            return new PolygonMask([
                .. segmentation.EnumerateArray().Select(polygon => polygon.EnumerateArray().Select(value => value.GetDouble()).ToArray()),
            ]);
        if (segmentation.ValueKind != JsonValueKind.Object)
            return null;
        var (size, counts) = (segmentation.GetProperty("size"), segmentation.GetProperty("counts"));
        return new RunLengthMask(
            size[0].GetInt32(),
            size[1].GetInt32(),
            counts.ValueKind == JsonValueKind.String
                ? RunLengthMask.Decompress(counts.GetString()!)
                : [.. counts.EnumerateArray().Select(run => run.GetInt64())]
        );
    }
}
