namespace AgCam.Pipeline.References;

/// <summary>Address s3://bucket/key. The key is literal: no escapes, and ? and # have no meaning.</summary>
internal readonly record struct S3Place(string Bucket, string Key)
{
    public const string Scheme = "s3://";

    public override string ToString() => $"{Scheme}{Bucket}/{Key}";

    /// <summary>Parses an address.</summary>
    /// <returns>Null when the text is not an S3 address. The key is empty when the text names only a bucket.</returns>
    public static S3Place? Parse(string text)
    {
        if (!text.StartsWith(Scheme, StringComparison.Ordinal))
            return null;
        var rest = text[Scheme.Length..];
        var slash = rest.IndexOf('/');
        var (bucket, key) = slash < 0 ? (rest, "") : (rest[..slash], rest[(slash + 1)..]);
        return IsBucket(bucket) ? new S3Place(bucket, key) : null;
    }

    /// <summary>Whether the key has no segment "." or "..". Such a segment is resolved in a URL and may lead to another bucket.</summary>
    public bool IsPlain => !Key.Split('/').Any(segment => segment is "." or "..") && !Key.Contains('\0');

    /// <summary>Returns whether the place is allowed by an entry of <see cref="S3Options.Buckets"/>.</summary>
    /// <param name="allowed">Entry: "bucket", "bucket/folder" or "*".</param>
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
