using System.Text.RegularExpressions;

namespace AgCam.Pipeline;

/// <summary>Addresses as logs and errors may show them.</summary>
public static partial class UriRedaction
{
    /// <summary>
    /// Without user, password, query and fragment, any of which may be or hold a secret (a presigned address has its signature in the
    /// query). A path stays as it is.
    /// </summary>
    public static string Redact(string address) =>
        address.Contains("://", StringComparison.Ordinal) ? Query().Replace(UserInfo().Replace(address, "://"), "") : address;

    /// <summary>Whether a password stands in it.</summary>
    public static bool HasPassword(string address) => Password().IsMatch(address);

    [GeneratedRegex("://[^/?#]*@")]
    private static partial Regex UserInfo();

    [GeneratedRegex("://[^/?#@:]*:[^/?#]+@")]
    private static partial Regex Password();

    [GeneratedRegex("[?#].*$", RegexOptions.Singleline)]
    private static partial Regex Query();
}
