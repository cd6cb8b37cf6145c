using AgCam.Images;

namespace AgCam.Evaluation.Datasets;

/// <summary>dog/rex.jpg is labelled dog. There are no boxes.</summary>
internal static class FolderDataset
{
    public static IEnumerable<Sample> Read(string root, IFileReader files)
    {
        if (!files.FolderExists(root))
            throw new DatasetException($"{root} is a file: class folders are a folder with a folder for each class.");
        foreach (var path in ImageFiles.Walk(root, files))
        {
            var key = Path.GetRelativePath(root, path);
            var label = Path.GetFileName(Path.GetDirectoryName(key));
            yield return new Sample(key, path) { Label = string.IsNullOrEmpty(label) ? null : label, WithoutBoxes = SkipReason.NoBoxes };
        }
    }
}
