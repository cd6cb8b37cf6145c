using System.Globalization;
using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;
using AgCam.Images;
using AgCam.Tables;

namespace AgCam.Evaluation.Datasets;

/// <summary>
/// Reads the test images of CUB-200: images.txt, image_class_labels.txt, classes.txt, bounding_boxes.txt (x, y, width, height) and
/// train_test_split.txt. Each line is an image number and a value. Masks come from segmentations/ inside the folder or beside it.
/// </summary>
internal static class CubDataset
{
    public const string Images = "images.txt";
    public const string Labels = "image_class_labels.txt";

    public static IEnumerable<Sample> Read(string root, string? images, IFileReader files)
    {
        if (!files.FolderExists(root))
            throw new DatasetException($"{root} is a file. Give the folder of CUB-200.");
        var labels = Lines(root, Labels, files, needed: true);
        var names = Lines(root, "classes.txt", files, needed: false);
        var boxes = Lines(root, "bounding_boxes.txt", files, needed: false);
        var training = Lines(root, "train_test_split.txt", files, needed: false);
        string[] around = [root, Path.GetDirectoryName(Path.GetFullPath(root)) ?? root];
        var segmentations = around.Select(folder => Path.Combine(folder, "segmentations")).FirstOrDefault(files.FolderExists);
        foreach (var (id, key) in Lines(root, Images, files, needed: true))
        {
            if (training.GetValueOrDefault(id) == "1")
                continue;
            var sample = new Sample(key, Path.Combine(images ?? Path.Combine(root, "images"), key));
            if (!labels.TryGetValue(id, out var number) || !int.TryParse(number, CultureInfo.InvariantCulture, out var label) || label < 1)
            {
                yield return sample;
                continue;
            }

            var name = names.GetValueOrDefault(number);
            var mask = segmentations is null ? null : Path.Combine(segmentations, Path.ChangeExtension(key, ".png"));
            var box = boxes.TryGetValue(id, out var text) ? Box(text) : null;
            yield return sample with
            {
                // 001.Black_footed_Albatross: models may omit the number, or have no names
                Label = name ?? IndexOf(label),
                OtherNames = name is null ? [] : [name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..]],
                Index = label - 1,
                Boxes = box is { } found ? [found] : [],
                WithoutBoxes =
                    box is not null ? null
                    : text is null ? SkipReason.NoBoxes
                    : SkipReason.BrokenAnnotation,
                Masks = mask is not null && files.FileExists(mask) ? [new PictureMask(mask)] : [],
            };
        }
    }

    private static string IndexOf(int label) => (label - 1).ToString(CultureInfo.InvariantCulture);

    private static BoundingBox? Box(string text)
    {
        var parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var values = parts
            .Select(part => double.TryParse(part, CultureInfo.InvariantCulture, out var value) ? value : double.NaN)
            .ToArray();
        return values.Length == 4 && values.All(double.IsFinite) ? new BoundingBox(values[0], values[1], values[2], values[3]) : null;
    }

    /// <summary>Returns the rest of each line by its number, in file order.</summary>
    private static Dictionary<string, string> Lines(string root, string file, IFileReader files, bool needed)
    {
        var path = Path.Combine(root, file);
        if (!files.FileExists(path))
            return needed ? throw new DatasetException($"{root} has no {file}, which CUB-200 needs.") : [];
        var lines = new Dictionary<string, string>(StringComparer.Ordinal);
        using var stream = Dataset.Open(path, files);
        try
        {
            foreach (var (number, line) in TextLines.Read(stream).Select(line => (line.Number, line.Text.Trim())))
                if (line.Length > 0 && (line.Split(' ', 2) is not [var id, var rest] || !lines.TryAdd(id, rest.Trim())))
                    throw new DatasetException($"{path}, line {number} is not a number with a value, or repeats a number.");
        }
        catch (TableException broken)
        {
            throw new DatasetException($"{path}{broken.Message}", broken);
        }
        return lines;
    }
}
