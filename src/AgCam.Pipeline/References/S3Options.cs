using System.ComponentModel.DataAnnotations;

namespace AgCam.Pipeline.References;

/// <summary>Objects in S3 or a compatible server. Nothing is allowed by default.</summary>
public sealed record S3Options
{
    /// <summary>
    /// Buckets that may be read: "bucket", "bucket/folder" for all below it, or "*" for all that the credentials permit. Default none.
    /// </summary>
    public IReadOnlyList<string> Buckets { get; init; } = [];

    /// <summary>Address of a compatible server: https://minio.example.org:9000. Default: Amazon S3.</summary>
    public string? Endpoint { get; init; }

    /// <summary>Region. Default: the SDK's (AWS_REGION, the profile, the machine); us-east-1 with <see cref="Endpoint"/>.</summary>
    public string? Region { get; init; }

    /// <summary>Whether the bucket is in the path instead of the host's name, as most compatible servers require. Default false.</summary>
    public bool PathStyle { get; init; }

    /// <summary>
    /// File with credentials in the form of ~/.aws/credentials; its default profile is used. Default: the SDK's chain (environment,
    /// profile, web identity, machine role).
    /// </summary>
    public string? CredentialsFile { get; init; }

    /// <summary>Maximum seconds per attempt to read an object or a page of a listing. Default 30.</summary>
    [Range(0.1, 600)]
    public double Seconds { get; init; } = 30;

    /// <summary>
    /// Maximum number of attempts before an object is unreachable. Default 5, which takes about 10 s when the server asks callers to slow
    /// down.
    /// </summary>
    [Range(1, 20)]
    public int Tries { get; init; } = 5;
}
