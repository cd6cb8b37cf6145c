using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Evaluation.Datasets;

/// <summary>
/// Reads Annotations/DIR/NAME.xml with the image in Data/DIR (ILSVRC), JPEGImages/DIR (VOC) or DIR. Every image of an annotated folder
/// counts, and every annotation without an image. Box corners are not changed. Masks come from SegmentationObject/NAME.png, whose colours
/// number the objects in the annotation's order.
/// </summary>
internal static class VocDataset
{
    public const string Annotations = "Annotations";

    /// <summary>Limits an annotation to 16 million characters.</summary>
    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        MaxCharactersInDocument = 1 << 24,
    };

    private static readonly string[] ImageFolders = ["Data", "JPEGImages", "."];

    /// <param name="only">A folder below Annotations to which reading is limited, e.g. CLS-LOC/val.</param>
    public static IEnumerable<Sample> Read(string root, string? images, IFileReader files, string only = "")
    {
        var annotations = Path.Combine(root, Annotations);
        if (!files.FolderExists(annotations))
            throw new DatasetException($"{root} has no folder {Annotations}.");
        var top = Path.Combine(annotations, only);
        foreach (var folder in FoldersBelow(top, files).Order(StringComparer.Ordinal))
        {
            var names = FilesIn(folder, IsXml, files).Select(file => Path.GetFileNameWithoutExtension(file));
            var unseen = new SortedSet<string>(names, StringComparer.Ordinal);
            if (unseen.Count == 0)
                continue;
            var below = Path.GetRelativePath(annotations, folder) is "." ? "" : Path.GetRelativePath(annotations, folder);
            var beside =
                (
                    images is null ? ImageFolders.Select(name => Path.Combine(root, name, below)) : [Path.Combine(images, below), images]
                ).FirstOrDefault(files.FolderExists)
                ?? throw new DatasetException(
                    $"The images of {folder} are neither in "
                        + string.Join(" nor in ", ImageFolders.Select(name => Path.Combine(root, name, below)))
                        + ". Give their folder with Dataset.Read(images)."
                );
            foreach (var image in FilesIn(beside, ImageFiles.IsImage, files).Order(StringComparer.Ordinal))
            {
                var (name, key) = (Path.GetFileNameWithoutExtension(image), Path.Combine(below, Path.GetFileName(image)));
                if (!unseen.Remove(name))
                    yield return new Sample(key, image) { WithoutBoxes = SkipReason.NoBoxes };
                else
                {
                    var segmentation = Path.Combine(root, "SegmentationObject", below, name + ".png");
                    foreach (var sample in Annotated(Path.Combine(folder, name + ".xml"), key, image, segmentation, files))
                        yield return sample;
                }
            }

            foreach (var name in unseen)
                yield return new Sample(Path.Combine(below, name), Path.Combine(beside, name)) { Unusable = ImageFailure.NotFound };
        }
    }

    private static bool IsXml(string name) => name.EndsWith(".xml", StringComparison.Ordinal);

    /// <summary>Returns the folder and all folders below it. Links are followed, and each folder is listed once.</summary>
    private static List<string> FoldersBelow(string top, IFileReader files)
    {
        var (folders, listed, pending) = (new List<string>(), new HashSet<FileIdentity>(), new Stack<string>([top]));
        while (pending.TryPop(out var folder))
        {
            if (FileStatus.TryGet(folder, out var status, out _) && !listed.Add(status.Identity))
                continue;
            folders.Add(folder);
            foreach (var below in Entries(folder, _ => false, files))
                pending.Push(below.Path);
        }
        return folders;
    }

    private static IEnumerable<string> FilesIn(string folder, Func<string, bool> isWanted, IFileReader files) =>
        Entries(folder, isWanted, files).Where(entry => !entry.IsFolder).Select(entry => entry.Path);

    private static IReadOnlyList<FolderEntry> Entries(string folder, Func<string, bool> isWanted, IFileReader files) =>
        files.TryList(folder, isWanted) ?? throw new DatasetException($"The folder {folder} cannot be listed or is not allowed.");

    private static IEnumerable<Sample> Annotated(string file, string key, string image, string segmentation, IFileReader files)
    {
        List<(string Class, BoundingBox Box)> objects;
        try
        {
            using var stream = files.Open(file).AsStream();
            using var reader = XmlReader.Create(stream, Settings);
            objects = [.. XDocument.Load(reader).Descendants("object").Select(Read)];
        }
        catch (Exception error)
            when (error is XmlException or FormatException or ImageException or IOException or UnauthorizedAccessException)
        {
            return [new Sample(key, image) { Unusable = SkipReason.BrokenAnnotation }];
        }

        if (objects.Count == 0)
            return [new Sample(key, image) { WithoutBoxes = SkipReason.EmptyAnnotation }];
        var isSegmented = files.FileExists(segmentation);
        return Annotation.ByClass(key, image, objects.Select((item, at) => (item.Class, item.Box, MaskOf(at + 1))));

        ObjectMask? MaskOf(int number) => isSegmented ? new PictureMask(segmentation, [number]) : null;
    }

    private static (string Class, BoundingBox Box) Read(XElement element)
    {
        var box = element.Element("bndbox") ?? throw new FormatException("An object has no bndbox.");
        var (left, top) = (Corner("xmin"), Corner("ymin"));
        return (
            element.Element("name")?.Value.Trim() ?? throw new FormatException("An object has no name."),
            new BoundingBox(left, top, Corner("xmax") - left, Corner("ymax") - top)
        );

        double Corner(string name) =>
            double.TryParse(box.Element(name)?.Value, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
                ? value
                : throw new FormatException($"A bndbox has no {name}.");
    }
}
