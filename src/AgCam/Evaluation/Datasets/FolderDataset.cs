using AgCam.Images;

namespace AgCam.Evaluation.Datasets;

/// <summary>dog/rex.jpg is labelled dog. There are no boxes.</summary>
internal static class FolderDataset
{
    public static IEnumerable<Sample> Read(string root)
    {
        if (!Directory.Exists(root))
            throw new DatasetException($"{root} is a file: class folders are a folder with a folder for each class.");
        foreach (var path in ImageFiles.Find(root))
        {
            var key = Path.GetRelativePath(root, path);
            var label = Path.GetFileName(Path.GetDirectoryName(key));
            yield return new Sample(key, path) { Label = string.IsNullOrEmpty(label) ? null : label, WithoutBoxes = SkipReason.NoBoxes };
        }
    }
}
