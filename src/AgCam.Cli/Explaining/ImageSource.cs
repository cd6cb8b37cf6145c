using AgCam.Images;

namespace AgCam.Cli.Explaining;

/// <summary>One image to explain.</summary>
/// <param name="Path">Path as the user can open it.</param>
/// <param name="Relative">Path below the named folder, or the file name: the place of its pictures below --out.</param>
internal readonly record struct ImageSource(string Path, string Relative)
{
    /// <summary>
    /// Lists files, folders and globs in the given order. "-" stands for a list on stdin, one path per line. Nothing is opened.
    /// </summary>
    /// <param name="own">Pictures that agcam drew: skipped in folders and globs.</param>
    public static IEnumerable<ImageSource> Find(IEnumerable<string> arguments, TextReader stdin, OwnPictures own)
    {
        foreach (var argument in arguments)
            if (argument != "-")
                foreach (var source in Below(argument, own))
                    yield return source;
            else
                while (stdin.ReadLine() is { } line)
                    if (line.Length > 0)
                        foreach (var source in Below(line, own))
                            yield return source;
    }

    private static IEnumerable<ImageSource> Below(string argument, OwnPictures own)
    {
        var root =
            Directory.Exists(argument) ? argument
            : File.Exists(argument) ? null
            : FixedPart(argument);
        foreach (var path in ImageFiles.Find(argument).Where(path => path == argument || !own.Has(path)))
            yield return new ImageSource(path, root is null ? System.IO.Path.GetFileName(path) : Inside(root, path));
    }

    /// <summary>Returns the folder before the first wildcard.</summary>
    private static string FixedPart(string pattern)
    {
        var wildcard = pattern.AsSpan().IndexOfAny('*', '?');
        return wildcard < 0 ? System.IO.Path.GetDirectoryName(pattern) ?? "" : pattern[..(pattern.LastIndexOf('/', wildcard) + 1)];
    }

    // Pictures stay below --out, whatever a path says.
    private static string Inside(string root, string path)
    {
        var relative = System.IO.Path.GetRelativePath(root.Length == 0 ? "." : root, path);
        return relative.StartsWith("..", StringComparison.Ordinal) || System.IO.Path.IsPathRooted(relative)
            ? System.IO.Path.GetFileName(path)
            : relative;
    }
}
