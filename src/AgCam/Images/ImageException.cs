namespace AgCam.Images;

/// <summary>
/// The caller's image cannot be explained. The run continues, and the image is reported as Failed with <see cref="Reason"/>.
/// </summary>
/// <param name="reason">A stable code in kebab-case, stored and counted: one of <see cref="ImageFailure"/>.</param>
/// <param name="detail">The problem in words.</param>
/// <param name="inner">The decoder's own error, if any.</param>
public sealed class ImageException(string reason, string detail, Exception? inner = null) : Exception(detail, inner)
{
    public string Reason { get; } = reason;
}

/// <summary>Codes for the reason of a failure. The codes are stored: never rename one.</summary>
public static class ImageFailure
{
    public const string NotFound = "not-found";
    public const string NotAFile = "not-a-file";
    public const string Unreadable = "unreadable";
    public const string Empty = "empty";
    public const string TooManyBytes = "too-many-bytes";
    public const string TooManyPixels = "too-many-pixels";
    public const string UnsupportedFormat = "unsupported-format";
    public const string Corrupt = "corrupt";
}
