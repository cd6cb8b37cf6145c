using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>Reads files below the allowed roots only. Every file that a caller of the service can name is opened here.</summary>
internal sealed class GuardedFiles(AllowedRoots roots) : IFileReader
{
    /// <summary>Maximum number of resolutions of a path whose links change before the file is open.</summary>
    private const int MaxTries = 3;

    public AllowedRoots Roots => roots;

    /// <summary>When false, a link created between resolving and opening is followed, even out of the roots.</summary>
    internal bool RefusesLinks { get; init; } = RegularFile.CanRefuseLinks;

    /// <summary>Opens the file that was checked. A resolved path contains no link, and opening fails if one is created meanwhile.</summary>
    /// <exception cref="ImageException">not-allowed, not-found, not-a-file or unreadable.</exception>
    public RegularFile Open(string path)
    {
        if (!RefusesLinks)
            return RegularFile.Open(roots.Resolve(path));
        // Usually the path has no links and opens directly. Otherwise the resolved path gives the reason of the failure: this one may lead
        // outside.
        if (roots.IsBelowAsWritten(path) && RegularFile.TryOpenUnlinked(path, out _) is { } usual)
            return usual;
        for (var tries = 0; tries < MaxTries; tries++)
        {
            if (RegularFile.TryOpenUnlinked(roots.Resolve(path), out var failure) is { } file)
                return file;
            if (failure is not null)
                throw failure;
        }
        throw new ImageException(
            ImageFailure.Unreadable,
            $"{path} cannot be read: links in its path change while it is opened. Submit it again when they are stable."
        );
    }

    /// <summary>
    /// Does not follow a link to a file. One that leads outside the roots exists, and opening it reports why it is not read.
    /// </summary>
    public bool FileExists(string path) =>
        Path.GetDirectoryName(path) is { } folder
        && roots.Find(folder) is not null
        && FileStatus.TryGet(path, out var status, out _, followLinks: false)
        && (status.Kind == FileKind.Link ? !FolderExists(path) : status.Kind != FileKind.Folder);

    public bool FolderExists(string path) => roots.Find(path) is { } real && Directory.Exists(real);

    /// <summary>Lists the folder that was checked, even if its path leads elsewhere by then.</summary>
    public IReadOnlyList<FolderEntry>? TryList(string folder, Func<string, bool> isWanted)
    {
        if (roots.Find(folder) is not { } real)
            return null;
        if (!RefusesLinks)
            return FolderEntry.TryList(folder, real, isWanted);
        using var opened = RegularFile.TryOpenFolderUnlinked(real);
        return opened is null ? null : FolderEntry.TryList(folder, $"/proc/self/fd/{opened.DangerousGetHandle()}", isWanted);
    }
}
