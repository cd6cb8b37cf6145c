using System.Runtime.InteropServices;
using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>
/// Folders below which files may be read. A path is judged by where it really leads, every link and .. followed, so that neither a link
/// nor a name gets out.
/// </summary>
public sealed partial class AllowedRoots
{
    private readonly IReadOnlyList<string> _roots;

    /// <exception cref="OptionsException">A root is not there.</exception>
    public AllowedRoots(IReadOnlyList<string> roots) =>
        _roots = [
            .. roots.Select(root =>
                Real(root) is { } real && Directory.Exists(real)
                    ? real
                    : throw new OptionsException($"The root {root} is no folder. Name an existing one, or leave it out.")
            ),
        ];

    /// <returns>The real path, for reading.</returns>
    /// <exception cref="ImageException">not-allowed: it is under no root; not-found: it is under one, but there is nothing.</exception>
    public string Resolve(string path)
    {
        if (path.Length == 0 || path.Contains('\0') || !Path.IsPathRooted(path))
            throw NotAllowed(path);
        if (Real(path) is { } real)
            return IsBelow(real) ? real : throw NotAllowed(path);
        // What is not there must not tell whether it is there: outside the roots everything is not allowed.
        var full = Path.GetFullPath(path);
        while (Path.GetDirectoryName(full) is { } parent)
        {
            if (Real(parent) is { } realParent)
                throw IsBelow(realParent) ? new ImageException(ImageFailure.NotFound, $"{path} does not exist.") : NotAllowed(path);
            full = parent;
        }
        throw NotAllowed(path);
    }

    /// <returns>The real path of what is there and may be read; null for anything else.</returns>
    public string? Find(string path) =>
        path.Length > 0 && !path.Contains('\0') && Path.IsPathRooted(path) && Real(path) is { } real && IsBelow(real) ? real : null;

    /// <summary>Whether the path lies below a root as it is written, which is where it really leads if there is no link in it.</summary>
    internal bool IsBelowAsWritten(string path) =>
        path.StartsWith('/') && !path.Contains('\0') && Path.GetFullPath(path) == path && IsBelow(path);

    private bool IsBelow(string real) =>
        _roots.Any(root =>
            real == root
            || (real.StartsWith(root, StringComparison.Ordinal) && (root.EndsWith('/') || real[root.Length] == Path.DirectorySeparatorChar))
        );

    private static ImageException NotAllowed(string path) =>
        new(ReferenceFailure.NotAllowed, $"{path} is not below one of the folders that may be read. The operator names them with --root.");

    /// <returns>Null when there is nothing.</returns>
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

/// <summary>Why a reference could not be followed, besides <see cref="ImageFailure"/>. Stored: never rename one.</summary>
public static class ReferenceFailure
{
    /// <summary>The operator does not allow reading from there.</summary>
    public const string NotAllowed = "not-allowed";

    /// <summary>What the source says of the image breaks a rule: no address, or a label that is too long.</summary>
    public const string Invalid = "invalid-reference";

    /// <summary>The bucket's owner does not let us read the object.</summary>
    public const string Denied = "denied";

    /// <summary>The bucket does not exist.</summary>
    public const string NoBucket = "no-such-bucket";

    /// <summary>There are no credentials for S3, or they are wrong or out of date, or meant for another region.</summary>
    public const string Credentials = "credentials";

    /// <summary>The place does not answer, after several tries.</summary>
    public const string Unreachable = "unreachable";
}
