namespace AgCam.Images;

/// <summary>
/// The image files that a user means by files, folders and patterns. Nothing is opened here, and nothing named is lost silently: a path
/// that does not exist and a folder that cannot be listed come out as themselves, to fail with a reason when they are read.
/// </summary>
public static class ImageFiles
{
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"];

    /// <summary>Has the name an extension of a format that is read? Upper and lower case are the same.</summary>
    public static bool IsImage(string name) => Extensions.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);

    /// <param name="paths">
    /// Files, whatever their extension; folders, of which all images at any depth are taken; and patterns, of which all images that
    /// match are taken: <c>*</c> and <c>?</c> stand for a part of a name and <c>**</c> for any number of folders. What exists is taken
    /// for itself even if it looks like a pattern.
    /// </param>
    /// <returns>In the order given; each folder and pattern in ordinal order of the paths. Links are followed, but no folder is listed
    /// twice.</returns>
    public static IEnumerable<string> Find(IEnumerable<string> paths)
    {
        foreach (string path in paths)
        {
            if (Directory.Exists(path))
                foreach (string image in Walk(path, LocalFiles.Instance))
                    yield return image;
            else if (GlobPattern.IsPattern(path) && !File.Exists(path))
                foreach (string image in Match(new GlobPattern(path)))
                    yield return image;
            else
                yield return path;
        }
    }

    /// <inheritdoc cref="Find(IEnumerable{string})"/>
    public static IEnumerable<string> Find(params string[] paths) => Find((IEnumerable<string>)paths);

    /// <summary>
    /// The images below the pattern's fixed part that match it, or the pattern itself when there is none: it will be not found.
    /// </summary>
    private static IEnumerable<string> Match(GlobPattern pattern)
    {
        bool any = false;
        string root = pattern.Root.Length == 0 ? "./" : pattern.Root;
        if (Directory.Exists(root))
        {
            foreach (string path in Walk(root, LocalFiles.Instance, pattern.Depth))
            {
                string image = pattern.Root.Length == 0 ? path[root.Length..] : path;
                if (!pattern.IsMatch(image))
                    continue;
                any = true;
                yield return image;
            }
        }
        if (!any)
            yield return pattern.Text;
    }

    /// <summary>All images at any depth below a folder, in ordinal order of their paths.</summary>
    internal static IEnumerable<string> Walk(string root, IFileReader files, int depth = int.MaxValue)
    {
        var listed = new HashSet<FileIdentity>();
        var pending = new Stack<(FolderEntry Entry, int Depth)>([(new FolderEntry(root, IsFolder: true), 0)]);
        while (pending.TryPop(out var next))
        {
            var (entry, level) = next;
            if (!entry.IsFolder)
            {
                yield return entry.Path;
                continue;
            }
            if (level >= depth || (FileStatus.TryGet(entry.Path, out var status, out _) && !listed.Add(status.Identity)))
                continue;
            if (files.TryList(entry.Path, IsImage) is not { } entries)
            {
                yield return entry.Path;
                continue;
            }
            foreach (var below in entries.OrderByDescending(Key, StringComparer.Ordinal))
                pending.Push((below, level + 1));
        }
    }

    /// <summary>With it, walking depth first is walking in ordinal order of the paths.</summary>
    private static string Key(FolderEntry entry) => entry.IsFolder ? entry.Path + Path.DirectorySeparatorChar : entry.Path;
}
