using System.ComponentModel.DataAnnotations;
using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>Places that images may be read from. Nothing is allowed by default.</summary>
public sealed record ReferenceOptions
{
    internal const string HostsSetting = "Pipeline:References:Hosts";

    /// <summary>Folders whose files may be read, at any depth. Default none.</summary>
    public IReadOnlyList<string> Roots { get; init; } = [];

    /// <summary>
    /// Hosts that http and https references may name: "images.example.org", or "*.example.org" for all below it. Ports 80 and 443 are
    /// allowed; a port after the host is the only one allowed: "images.example.org:8443". Default none.
    /// </summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>
    /// Networks that <see cref="Hosts"/> may resolve to although their addresses are private, loopback and so on: "10.1.0.0/16". Default
    /// none.
    /// </summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>Maximum seconds per attempt to read an image over http, redirects included. Default 30.</summary>
    [Range(0.1, 600)]
    public double HttpSeconds { get; init; } = 30;

    /// <summary>
    /// Seconds that images wait for a failing host or bucket, from its first failure. Then its images fail as unreachable until it answers.
    /// Default 300.
    /// </summary>
    [Range(0, 86_400)]
    public double HostOutageSeconds { get; init; } = 300;

    /// <summary>Buckets that may be read. Default none.</summary>
    public S3Options S3 { get; init; } = new();

    /// <summary>Limits of the images that are read. A new object, because configuration is bound into it.</summary>
    public ImageLimits Limits { get; init; } = new();
}
