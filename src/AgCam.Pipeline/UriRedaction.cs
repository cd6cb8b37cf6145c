using System.Text.RegularExpressions;

namespace AgCam.Pipeline;

/// <summary>Removes secrets from addresses for logs and errors.</summary>
public static partial class UriRedaction
{
    /// <summary>
    /// Removes user, password, query and fragment. A presigned address has its signature in the query. A path is unchanged.
    /// </summary>
    public static string Redact(string address) =>
        address.Contains("://", StringComparison.Ordinal) ? Query().Replace(UserInfo().Replace(address, "://"), "") : address;

    /// <summary>Returns whether an address contains a password.</summary>
    public static bool HasPassword(string address) => Password().IsMatch(address);

    [GeneratedRegex("://[^/?#]*@")]
    private static partial Regex UserInfo();

    [GeneratedRegex("://[^/?#@:]*:[^/?#]+@")]
    private static partial Regex Password();

    [GeneratedRegex("[?#].*$", RegexOptions.Singleline)]
    private static partial Regex Query();
}
