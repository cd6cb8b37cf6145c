using System.ComponentModel.DataAnnotations;
using AgCam.Images;

namespace AgCam.Pipeline.References;

/// <summary>Where images may be read from. Nothing is allowed that is not named.</summary>
public sealed record ReferenceOptions
{
    internal const string HostsSetting = "Pipeline:References:Hosts";

    /// <summary>Folders; files at any depth below them may be read. None by default.</summary>
    public IReadOnlyList<string> Roots { get; init; } = [];

    /// <summary>
    /// Hosts that http and https references may name: "images.example.org", or "*.example.org" for all below it. Ports 80 and 443 may be
    /// called; another port is written behind the host and then the only one: "images.example.org:8443". None by default.
    /// </summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>
    /// Addresses that are refused otherwise (private, loopback, ...) but belong to <see cref="Hosts"/> of one's own: "10.1.0.0/16".
    /// None by default.
    /// </summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>Seconds that one image may take over http, redirects and all. Default 30.</summary>
    [Range(0.1, 600)]
    public double HttpSeconds { get; init; } = 30;

    /// <summary>
    /// Seconds that a host or bucket which fails at all tries is waited for, counted from when it went away; from then on its images
    /// fail as unreachable, until it answers. Default 300.
    /// </summary>
    [Range(0, 86_400)]
    public double HostOutageSeconds { get; init; } = 300;

    /// <summary>Objects in S3. None by default.</summary>
    public S3Options S3 { get; init; } = new();

    /// <summary>Of the images that are read. Not the shared default: the configuration is bound into this very object.</summary>
    public ImageLimits Limits { get; init; } = new();
}
