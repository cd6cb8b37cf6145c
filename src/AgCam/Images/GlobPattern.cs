using System.Text;
using System.Text.RegularExpressions;

namespace AgCam.Images;

/// <summary>A path with wildcards, for shells that do not expand them and for lists that exceed a command line.</summary>
internal sealed class GlobPattern
{
    private readonly Regex _regex;

    /// <param name="text">Contains at least one wildcard.</param>
    public GlobPattern(string text)
    {
        Text = text;
        bool rooted = text.StartsWith('/');
        string[] segments = text.Split('/', StringSplitOptions.RemoveEmptyEntries);
        string[] plain = [.. segments.TakeWhile(segment => !IsPattern(segment))];
        Root =
            plain.Length > 0 ? (rooted ? "/" : "") + string.Join('/', plain)
            : rooted ? "/"
            : "";
        Depth = segments.Contains("**") ? int.MaxValue : segments.Length - plain.Length;

        var regex = new StringBuilder(rooted ? "^/" : "^");
        for (int i = 0; i < segments.Length; i++)
            regex.Append(Translate(segments[i], last: i == segments.Length - 1));
        // NonBacktracking is linear in the path's length for every pattern.
        _regex = new Regex(
            regex.Append("\\z").ToString(),
            RegexOptions.NonBacktracking | RegexOptions.Singleline | RegexOptions.CultureInvariant
        );
    }

    public string Text { get; }

    /// <summary>Folder before the first wildcard. Empty for the current folder.</summary>
    public string Root { get; }

    /// <summary>Maximum depth of matching folders below the root.</summary>
    public int Depth { get; }

    public static bool IsPattern(string path) => path.AsSpan().ContainsAny('*', '?');

    public bool IsMatch(string path) => _regex.IsMatch(path);

    private static string Translate(string segment, bool last)
    {
        if (segment == "**")
            return last ? ".*" : "(?:.*/)?"; // any number of folders, including none
        string name = Regex
            .Escape(segment)
            .Replace(@"\*", "[^/]*", StringComparison.Ordinal)
            .Replace(@"\?", "[^/]", StringComparison.Ordinal);
        return last ? name : name + "/";
    }
}
