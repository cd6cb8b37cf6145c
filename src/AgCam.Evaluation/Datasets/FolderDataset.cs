using AgCam.Images;

namespace AgCam.Evaluation.Datasets;

/// <summary>Reads a folder per class: dog/rex.jpg has the label dog. There are no boxes.</summary>
internal static class FolderDataset
{
    public static IEnumerable<Sample> Read(string root, IFileReader files)
    {
        if (!files.FolderExists(root))
            throw new DatasetException($"{root} is a file. Give a folder that has a folder per class.");
        foreach (var path in ImageFiles.Walk(root, files))
        {
            var key = Path.GetRelativePath(root, path);
            var label = Path.GetFileName(Path.GetDirectoryName(key));
            yield return new Sample(key, path) { Label = string.IsNullOrEmpty(label) ? null : label, WithoutBoxes = SkipReason.NoBoxes };
        }
    }
}
