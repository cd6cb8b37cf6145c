using System.ComponentModel.DataAnnotations;

namespace AgCam.Pipeline.References;

/// <summary>Objects in S3, or in a server that speaks its protocol. Nothing is allowed that is not named.</summary>
public sealed record S3Options
{
    /// <summary>
    /// What may be read: "bucket", "bucket/folder" for all below it, or "*" for whatever the credentials permit. None by default.
    /// </summary>
    public IReadOnlyList<string> Buckets { get; init; } = [];

    /// <summary>The address of a server other than Amazon's: https://minio.example.org:9000. Default none.</summary>
    public string? Endpoint { get; init; }

    /// <summary>Default: as the SDK finds it (AWS_REGION, the profile, the machine); us-east-1 for an endpoint of one's own.</summary>
    public string? Region { get; init; }

    /// <summary>Buckets in the path and not in the host's name, as most servers other than Amazon's need it. Default false.</summary>
    public bool PathStyle { get; init; }

    /// <summary>
    /// A secret file, written like ~/.aws/credentials; its default profile is taken. Default: the SDK's own chain (environment,
    /// profile, web identity, the machine's role).
    /// </summary>
    public string? CredentialsFile { get; init; }

    /// <summary>Seconds that one try may take: an object, or a page of a listing. Default 30.</summary>
    [Range(0.1, 600)]
    public double Seconds { get; init; } = 30;

    /// <summary>
    /// Tries before an object counts as unreachable. Default 5: some ten seconds of a server that asks callers to slow down.
    /// </summary>
    [Range(1, 20)]
    public int Tries { get; init; } = 5;
}
