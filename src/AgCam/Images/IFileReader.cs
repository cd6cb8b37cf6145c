using System.IO.Enumeration;

namespace AgCam.Images;

/// <summary>
/// Opens the files and lists the folders that somebody names. A name may stand for anything: a pipe, a device or a link. Nothing here
/// waits for one, and nothing but regular files is read.
/// </summary>
internal interface IFileReader
{
    /// <summary>Opens a regular file.</summary>
    /// <exception cref="ImageException">The file is missing, no regular file, unreadable, or not allowed to be read.</exception>
    RegularFile Open(string path);

    /// <summary>Says whether there is something other than a folder. Opening it may still fail.</summary>
    bool FileExists(string path);

    /// <summary>Says whether there is a folder that may be listed.</summary>
    bool FolderExists(string path);

    /// <summary>Lists a folder.</summary>
    /// <param name="isWanted">Selects the files by their names; folders are always listed.</param>
    /// <returns>The entries in no particular order; null when the folder cannot be listed or must not be.</returns>
    IReadOnlyList<FolderEntry>? TryList(string folder, Func<string, bool> isWanted);
}

/// <summary>A file or folder in a folder.</summary>
/// <param name="IsFolder">True for a link to a folder as well.</param>
internal readonly record struct FolderEntry(string Path, bool IsFolder)
{
    /// <summary>Lists a folder through another path to it.</summary>
    /// <param name="folder">Prefix of the entries' paths.</param>
    /// <param name="opened">Path under which the folder is opened.</param>
    /// <inheritdoc cref="IFileReader.TryList"/>
    public static IReadOnlyList<FolderEntry>? TryList(string folder, string opened, Func<string, bool> isWanted)
    {
        try
        {
            return
            [
                .. new FileSystemEnumerable<FolderEntry>(
                    opened,
                    (ref FileSystemEntry entry) => new FolderEntry(System.IO.Path.Join(folder, entry.FileName), entry.IsDirectory),
                    new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false }
                )
                {
                    ShouldIncludePredicate = (ref FileSystemEntry entry) => entry.IsDirectory || isWanted(entry.FileName.ToString()),
                },
            ];
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

/// <summary>Reads whatever the process may read, as a user of the command line means it. Links are followed.</summary>
internal sealed class LocalFiles : IFileReader
{
    public static LocalFiles Instance { get; } = new();

    public RegularFile Open(string path) => RegularFile.Open(path);

    public bool FileExists(string path) => File.Exists(path);

    public bool FolderExists(string path) => Directory.Exists(path);

    public IReadOnlyList<FolderEntry>? TryList(string folder, Func<string, bool> isWanted) => FolderEntry.TryList(folder, folder, isWanted);
}
