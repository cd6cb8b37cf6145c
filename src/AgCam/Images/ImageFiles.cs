namespace AgCam.Images;

/// <summary>
/// Finds image files by files, folders and patterns, without opening them. A missing path and a folder that cannot be listed are returned
/// themselves, and reading them then fails with a reason.
/// </summary>
public static class ImageFiles
{
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"];

    /// <summary>Returns true when the name has the extension of a supported format, in any case.</summary>
    public static bool IsImage(string name) => Extensions.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);

    /// <param name="paths">Files with any extension, folders, whose images at any depth are found, and patterns. In a pattern, <c>*</c> and
    /// <c>?</c> match part of a name, <c>**</c> any number of folders. An existing path is never read as a pattern.</param>
    /// <returns>Paths in the given order; those of a folder or pattern in ordinal order. Links are followed, and each folder is listed
    /// once.</returns>
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
    /// Returns the images below the pattern's root that match it. Without a match, returns the pattern itself, which will fail as not
    /// found.
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

    /// <summary>Returns all images at any depth below a folder, in ordinal order of their paths.</summary>
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

    /// <summary>Returns a sort key with which a depth-first walk gives ordinal order of the paths.</summary>
    private static string Key(FolderEntry entry) => entry.IsFolder ? entry.Path + Path.DirectorySeparatorChar : entry.Path;
}
