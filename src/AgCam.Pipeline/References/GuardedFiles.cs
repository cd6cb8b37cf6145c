using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>Reads below the allowed roots only. Every file that a caller of the service can name is opened here.</summary>
internal sealed class GuardedFiles(AllowedRoots roots) : IFileReader
{
    /// <summary>Maximum number of times a path is resolved whose links change before it is open.</summary>
    private const int MaxTries = 3;

    public AllowedRoots Roots => roots;

    /// <summary>When false, a link that is put in between resolving and opening is followed, out of the roots too.</summary>
    internal bool RefusesLinks { get; init; } = RegularFile.CanRefuseLinks;

    /// <summary>Opens what was checked: a real path has no link in it, and if one is put there meanwhile, opening it fails.</summary>
    /// <exception cref="ImageException">not-allowed, not-found, not-a-file or unreadable.</exception>
    public RegularFile Open(string path)
    {
        if (!RefusesLinks)
            return RegularFile.Open(roots.Resolve(path));
        // As a rule the path is the real one already. If it is not, or fails, the real one tells why: this one may lead out.
        if (roots.IsBelowAsWritten(path) && RegularFile.TryOpenUnlinked(path, out _) is { } usual)
            return usual;
        for (var tries = 0; tries < MaxTries; tries++)
        {
            if (RegularFile.TryOpenUnlinked(roots.Resolve(path), out var failure) is { } file)
                return file;
            if (failure is not null)
                throw failure;
        }
        throw new ImageException(ImageFailure.Unreadable, $"{path} cannot be read: the links in its path change while it is opened.");
    }

    /// <summary>
    /// Does not follow a link to a file: one that leads out of the roots is there, and opening it says why it is not read.
    /// </summary>
    public bool FileExists(string path) =>
        Path.GetDirectoryName(path) is { } folder
        && roots.Find(folder) is not null
        && FileStatus.TryGet(path, out var status, out _, followLinks: false)
        && (status.Kind == FileKind.Link ? !FolderExists(path) : status.Kind != FileKind.Folder);

    public bool FolderExists(string path) => roots.Find(path) is { } real && Directory.Exists(real);

    /// <summary>Lists the folder that was checked, even if its path leads elsewhere by now.</summary>
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
