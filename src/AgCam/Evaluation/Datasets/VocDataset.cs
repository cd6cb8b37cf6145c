using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using AgCam.Evaluation.Datasets.Masks;
using AgCam.Heatmaps;
using AgCam.Images;

namespace AgCam.Evaluation.Datasets;

/// <summary>
/// Annotations/DIR/NAME.xml with the image in Data/DIR (ILSVRC), JPEGImages/DIR (VOC) or DIR itself. Every image of a folder that has
/// annotations counts; so does an annotation without an image. Corners are taken as they are written. Masks come from SegmentationObject/NAME.png,
/// whose colours number the objects in the annotation's order.
/// </summary>
internal static class VocDataset
{
    public const string Annotations = "Annotations";

    private static readonly string[] ImageFolders = ["Data", "JPEGImages", "."];

    /// <param name="only">A folder below Annotations, e.g. CLS-LOC/val: nothing else is read.</param>
    public static IEnumerable<Sample> Read(string root, string? images, string only = "")
    {
        var annotations = Path.Combine(root, Annotations);
        if (!Directory.Exists(annotations))
            throw new DatasetException($"{root} has no folder {Annotations}.");
        var top = Path.Combine(annotations, only);
        foreach (var folder in Directory.EnumerateDirectories(top, "*", SearchOption.AllDirectories).Prepend(top).Order(StringComparer.Ordinal))
        {
            var unseen = new SortedSet<string>(Directory.EnumerateFiles(folder, "*.xml").Select(file => Path.GetFileNameWithoutExtension(file)), StringComparer.Ordinal);
            if (unseen.Count == 0)
                continue;
            var below = Path.GetRelativePath(annotations, folder) is "." ? "" : Path.GetRelativePath(annotations, folder);
            var beside = (images is null ? ImageFolders.Select(name => Path.Combine(root, name, below)) : [Path.Combine(images, below), images])
                .FirstOrDefault(Directory.Exists) ?? throw new DatasetException(
                $"The images of {folder} are neither in {string.Join(" nor in ", ImageFolders.Select(name => Path.Combine(root, name, below)))}. Give their folder with --images.");
            foreach (var image in Directory.EnumerateFiles(beside).Where(ImageFiles.IsImage).Order(StringComparer.Ordinal))
            {
                var (name, key) = (Path.GetFileNameWithoutExtension(image), Path.Combine(below, Path.GetFileName(image)));
                if (!unseen.Remove(name))
                    yield return new Sample(key, image) { WithoutBoxes = SkipReason.NoBoxes };
                else
                    foreach (var sample in Annotated(Path.Combine(folder, name + ".xml"), key, image, Path.Combine(root, "SegmentationObject", below, name + ".png")))
                        yield return sample;
            }

            foreach (var name in unseen)
                yield return new Sample(Path.Combine(below, name), Path.Combine(beside, name)) { Unusable = ImageFailure.NotFound };
        }
    }

    private static IEnumerable<Sample> Annotated(string file, string key, string image, string segmentation)
    {
        List<(string Class, BoundingBox Box)> objects;
        try
        {
            using var reader = XmlReader.Create(file, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            objects = [.. XDocument.Load(reader).Descendants("object").Select(Read)];
        }
        catch (Exception error) when (error is XmlException or FormatException or IOException or UnauthorizedAccessException)
        {
            return [new Sample(key, image) { Unusable = SkipReason.BrokenAnnotation }];
        }

        return objects.Count == 0 ? [new Sample(key, image) { WithoutBoxes = SkipReason.EmptyAnnotation }] : Annotation.ByClass(
            key, image, objects.Index().Select(o => (o.Item.Class, o.Item.Box, File.Exists(segmentation) ? new PictureMask(segmentation, [o.Index + 1]) : (ObjectMask?)null)));
    }

    private static (string Class, BoundingBox Box) Read(XElement element)
    {
        var box = element.Element("bndbox") ?? throw new FormatException("An object has no bndbox.");
        var (left, top) = (Corner("xmin"), Corner("ymin"));
        return (element.Element("name")?.Value.Trim() ?? throw new FormatException("An object has no name."),
            new BoundingBox(left, top, Corner("xmax") - left, Corner("ymax") - top));

        double Corner(string name) => double.TryParse(box.Element(name)?.Value, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? value
            : throw new FormatException($"A bndbox has no {name}.");
    }
}
