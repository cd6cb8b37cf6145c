namespace AgCam.Pipeline.References;

/// <summary>s3://bucket/key. The key is taken as it is written: no escapes, and ? and # are characters like others.</summary>
internal readonly record struct S3Place(string Bucket, string Key)
{
    public const string Scheme = "s3://";

    public override string ToString() => $"{Scheme}{Bucket}/{Key}";

    /// <returns>Null when it is no such place. The key is empty when only a bucket is named.</returns>
    public static S3Place? Parse(string text)
    {
        if (!text.StartsWith(Scheme, StringComparison.Ordinal))
            return null;
        var rest = text[Scheme.Length..];
        var slash = rest.IndexOf('/');
        var (bucket, key) = slash < 0 ? (rest, "") : (rest[..slash], rest[(slash + 1)..]);
        return IsBucket(bucket) ? new S3Place(bucket, key) : null;
    }

    /// <summary>A key with . or .. for a segment changes on its way through a URL, and may come out in another bucket.</summary>
    public bool IsPlain => !Key.Split('/').Any(segment => segment is "." or "..") && !Key.Contains('\0');

    /// <param name="allowed">"bucket", "bucket/folder" or "*".</param>
    public bool IsBelow(string allowed)
    {
        var slash = allowed.IndexOf('/');
        return allowed == "*"
            || (
                slash < 0
                    ? allowed == Bucket
                    : allowed[..slash] == Bucket && Key.StartsWith(allowed[(slash + 1)..].TrimEnd('/') + "/", StringComparison.Ordinal)
            );
    }

    private static bool IsBucket(string name) =>
        name.Length is > 0 and <= 255
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_')
        && !name.Contains("..", StringComparison.Ordinal)
        && name != ".";
}
