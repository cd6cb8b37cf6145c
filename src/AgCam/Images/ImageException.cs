namespace AgCam.Images;

/// <summary>
/// The caller's image cannot be explained. It is data, not an accident: the image is reported as Failed with <see cref="Reason"/>, and the
/// run goes on.
/// </summary>
/// <param name="reason">A stable code, kebab-case, as it is stored and counted: one of <see cref="ImageFailure"/>.</param>
/// <param name="detail">What is wrong, for a person.</param>
/// <param name="inner">The decoder's own error, if any.</param>
public sealed class ImageException(string reason, string detail, Exception? inner = null) : Exception(detail, inner)
{
    public string Reason { get; } = reason;
}

/// <summary>Why an image failed. The codes are stored: never rename one.</summary>
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
