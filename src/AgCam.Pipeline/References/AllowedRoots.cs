using System.Runtime.InteropServices;
using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>
/// Folders below which files may be read. A path is checked after every link and ".." is resolved, so neither leads outside.
/// </summary>
public sealed partial class AllowedRoots
{
    private readonly IReadOnlyList<string> _roots;

    /// <exception cref="OptionsException">A root is not an existing folder.</exception>
    public AllowedRoots(IReadOnlyList<string> roots) =>
        _roots = [
            .. roots.Select(root =>
                Real(root) is { } real && Directory.Exists(real)
                    ? real
                    : throw new OptionsException($"The root {root} is not a folder. Name an existing folder, or remove the root.")
            ),
        ];

    /// <summary>Resolves a path to the real path of a file or folder below a root.</summary>
    /// <returns>The real path, for reading.</returns>
    /// <exception cref="ImageException">not-allowed: the path is below no root. not-found: it is below a root but does not
    /// exist.</exception>
    public string Resolve(string path)
    {
        if (path.Length == 0 || path.Contains('\0') || !Path.IsPathRooted(path))
            throw NotAllowed(path);
        if (Real(path) is { } real)
            return IsBelow(real) ? real : throw NotAllowed(path);
        // A caller must not learn which files exist outside the roots: missing ones there are not-allowed too.
        var full = Path.GetFullPath(path);
        while (Path.GetDirectoryName(full) is { } parent)
        {
            if (Real(parent) is { } realParent)
                throw IsBelow(realParent) ? new ImageException(ImageFailure.NotFound, $"{path} does not exist.") : NotAllowed(path);
            full = parent;
        }
        throw NotAllowed(path);
    }

    /// <summary>Resolves a path without an exception.</summary>
    /// <returns>The real path; null when it does not exist or is below no root.</returns>
    public string? Find(string path) =>
        path.Length > 0 && !path.Contains('\0') && Path.IsPathRooted(path) && Real(path) is { } real && IsBelow(real) ? real : null;

    /// <summary>Returns whether the path as written is below a root. Without links in it, this is its real place.</summary>
    internal bool IsBelowAsWritten(string path) =>
        path.StartsWith('/') && !path.Contains('\0') && Path.GetFullPath(path) == path && IsBelow(path);

    private bool IsBelow(string real) =>
        _roots.Any(root =>
            real == root
            || (real.StartsWith(root, StringComparison.Ordinal) && (root.EndsWith('/') || real[root.Length] == Path.DirectorySeparatorChar))
        );

    private static ImageException NotAllowed(string path) =>
        new(
            ReferenceFailure.NotAllowed,
            $"{path} is not below a folder that may be read. The operator allows one with Pipeline:References:Roots."
        );

    /// <returns>The path without links; null when nothing exists there.</returns>
    private static string? Real(string path)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
            return Path.Exists(path) ? (File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path)) : null;
        var found = RealPath(path, 0);
        if (found == 0)
            return null;
        try
        {
            return Marshal.PtrToStringUTF8(found);
        }
        finally
        {
            Free(found);
        }
    }

    [LibraryImport("libc", EntryPoint = "realpath", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint RealPath(string path, nint buffer);

    [LibraryImport("libc", EntryPoint = "free")]
    private static partial void Free(nint memory);
}

/// <summary>
/// Codes of references that cannot be read, in addition to <see cref="ImageFailure"/>. Codes are stored: never rename one.
/// </summary>
public static class ReferenceFailure
{
    /// <summary>The operator does not allow this place.</summary>
    public const string NotAllowed = "not-allowed";

    /// <summary>The source's entry breaks a rule: it has no valid address, or a label is too long.</summary>
    public const string Invalid = "invalid-reference";

    /// <summary>The bucket denies reading the object.</summary>
    public const string Denied = "denied";

    /// <summary>The bucket does not exist.</summary>
    public const string NoBucket = "no-such-bucket";

    /// <summary>S3 credentials are missing, wrong, expired, or for another region.</summary>
    public const string Credentials = "credentials";

    /// <summary>The host does not answer after several tries.</summary>
    public const string Unreachable = "unreachable";
}
