using System.IO.Enumeration;

namespace AgCam.Images;

/// <summary>
/// Opens files and lists folders by names that users give. A name may refer to a pipe, a device or a link: only regular files are read,
/// without blocking.
/// </summary>
internal interface IFileReader
{
    /// <summary>Opens a regular file.</summary>
    /// <exception cref="ImageException">The file is missing, not regular, unreadable, or not allowed.</exception>
    RegularFile Open(string path);

    /// <summary>Returns true when the path exists and is not a folder. Opening it may still fail.</summary>
    bool FileExists(string path);

    /// <summary>Returns true when the path is a folder that may be listed.</summary>
    bool FolderExists(string path);

    /// <summary>Lists a folder.</summary>
    /// <param name="isWanted">Selects files by name. Folders are always listed.</param>
    /// <returns>The entries in no particular order. Null when the folder cannot be listed or is not allowed.</returns>
    IReadOnlyList<FolderEntry>? TryList(string folder, Func<string, bool> isWanted);
}

/// <summary>An entry of a folder.</summary>
/// <param name="IsFolder">True for a folder and for a link to one.</param>
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

/// <summary>Reads every file that the process may read, for a user of the command line. Links are followed.</summary>
internal sealed class LocalFiles : IFileReader
{
    public static LocalFiles Instance { get; } = new();

    public RegularFile Open(string path) => RegularFile.Open(path);

    public bool FileExists(string path) => File.Exists(path);

    public bool FolderExists(string path) => Directory.Exists(path);

    public IReadOnlyList<FolderEntry>? TryList(string folder, Func<string, bool> isWanted) => FolderEntry.TryList(folder, folder, isWanted);
}
