using AgCam.Images;

namespace AgCam.Evaluation.Datasets;

/// <summary>
/// Reads the validation images of ILSVRC 2012 as distributed for classification and localisation. Annotations/CLS-LOC/val/*.xml lie beside
/// Data/CLS-LOC/val/*.JPEG; labels are WordNet ids.
/// </summary>
public static class IlsvrcDataset
{
    public static readonly string Validation = Path.Combine("CLS-LOC", "val");

    private const int Images = 50_000;
    private const int Classes = 1_000;

    internal static IEnumerable<Sample> Read(string root, string? images, IFileReader files)
    {
        if (!files.FolderExists(Path.Combine(root, VocDataset.Annotations, Validation)))
            throw new DatasetException(
                $"{root} has no {Path.Combine(VocDataset.Annotations, Validation)}. Give the folder ILSVRC of the distribution."
            );
        return VocDataset.Read(root, images, files, Validation);
    }

    /// <summary>
    /// Returns the differences from the full validation set, one sentence each. The full set has 50,000 images, each with boxes of one
    /// class, 50 images of each of 1,000 classes.
    /// </summary>
    /// <param name="classes">The WordNet ids found, in ordinal order: the class order of ImageNet models.</param>
    /// <exception cref="DatasetException">The folder is not such a dataset.</exception>
    public static IReadOnlyList<string> Check(string root, string? images, out IReadOnlyList<string> classes)
    {
        var samples = Read(root, images, LocalFiles.Instance).ToList();
        var counts = samples
            .Where(sample => sample.Label is not null)
            .GroupBy(sample => sample.Label!)
            .ToDictionary(group => group.Key, group => group.Count());
        classes = [.. counts.Keys.Order(StringComparer.Ordinal)];
        var findings = new List<string>();
        var pictures = samples.Select(sample => sample.Path).Distinct(StringComparer.Ordinal).Count();
        Expect(pictures == Images, $"{pictures} validation images instead of {Images}");
        Expect(samples.Count == pictures, $"{samples.Count - pictures} images have boxes of more than one class");
        Expect(classes.Count == Classes, $"{classes.Count} classes instead of {Classes}");
        Expect(
            counts.Values.All(count => count == Images / Classes),
            $"{counts.Values.Count(count => count != Images / Classes)} classes without exactly {Images / Classes} images"
        );
        foreach (var reason in samples.Select(sample => sample.Unusable ?? sample.WithoutBoxes).OfType<string>().GroupBy(reason => reason))
            findings.Add($"{reason.Count()} images: {reason.Key}");
        return findings;

        void Expect(bool holds, FormattableString finding)
        {
            if (!holds)
                findings.Add(FormattableString.Invariant(finding));
        }
    }
}
