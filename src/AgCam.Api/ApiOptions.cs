using System.ComponentModel.DataAnnotations;
using AgCam.Api.Security;
using AgCam.Images;

namespace AgCam.Api;

/// <summary>What the API may be asked to do, and by whom. The section "Api" of the configuration; checked once, at the start.</summary>
public sealed record ApiOptions
{
    public const string Section = "Api";

    /// <summary>
    /// Addresses to listen on, separated by semicolons; an https:// address needs <see cref="ApiTlsOptions.CertificateFile"/>.
    /// Without keys they must all be loopback. Default http://127.0.0.1:8080.
    /// </summary>
    [Required]
    public string Listen { get; init; } = "http://127.0.0.1:8080";

    /// <summary>The certificate of https:// addresses.</summary>
    public ApiTlsOptions Tls { get; init; } = new();

    /// <summary>Who may call. None: only this machine may.</summary>
    public IReadOnlyList<ApiKey> Keys { get; init; } = [];

    /// <summary>Bytes and pixels of an image that is sent along. Default 32 MiB and 2^26 pixels.</summary>
    [Range(1, 1L << 30)]
    public long MaxUploadBytes { get; init; } = 32L << 20;

    /// <inheritdoc cref="MaxUploadBytes"/>
    [Range(1, 1L << 29)]
    public long MaxUploadPixels { get; init; } = ImageLimits.Default.MaxPixels;

    /// <summary>A body that comes more slowly than this, after a grace period of five seconds, is cut off. Default 1024.</summary>
    [Range(1, 1_000_000_000)]
    public int MinUploadBytesPerSecond { get; init; } = 1024;

    /// <summary>Seconds within which a body must have come whole. Default 300.</summary>
    [Range(1.0, 3000.0)]
    public double MaxBodySeconds { get; init; } = 300;

    /// <summary>
    /// Bytes of all bodies that this process receives at a time, each counted with its whole length, and with 128 KiB at least; beyond
    /// it, callers are told to come back later. An image that is larger comes alone. Default 256 MiB.
    /// </summary>
    [Range(1, 1L << 40)]
    public long MaxReceivingBytes { get; init; } = 256L << 20;

    /// <summary>Of those, bytes of one key. Without keys there is no such limit. Default 128 MiB.</summary>
    [Range(1, 1L << 40)]
    public long MaxReceivingBytesPerKey { get; init; } = 128L << 20;

    /// <summary>The longest that <c>?wait</c> may ask for. Default 60.</summary>
    [Range(0, 600)]
    public int MaxWaitSeconds { get; init; } = 60;

    /// <summary>Images a minute that one key may send, and as many at once. Default 6000.</summary>
    [Range(1, 10_000_000)]
    public int ImagesPerMinute { get; init; } = 6000;

    /// <summary>Bytes of bodies a minute that one key may send, and as many at once. Default 2 GiB.</summary>
    [Range(1024, 1L << 40)]
    public long BytesPerMinute { get; init; } = 2L << 30;

    /// <summary>
    /// API processes that share the work: each grants its part of the rates, so that they hold for all together. Default 1.
    /// </summary>
    [Range(1, 1000)]
    public int Replicas { get; init; } = 1;

    /// <summary>
    /// Accepted requests of this process that have no result yet; beyond it, callers are told to come back later. Default 512.
    /// </summary>
    [Range(1, 100_000)]
    public int MaxPending { get; init; } = 512;

    /// <summary>Of those, requests of one key. Without keys there is no such limit. Default 256.</summary>
    [Range(1, 100_000)]
    public int MaxPendingPerKey { get; init; } = 256;

    /// <summary>Requests of one key that this process holds open: those that follow a job's events, or wait. Default 256.</summary>
    [Range(1, 100_000)]
    public int MaxHeldPerKey { get; init; } = 256;

    /// <summary>Pictures of one key that are drawn at a time, or wait for that. Default 32.</summary>
    [Range(1, 100_000)]
    public int MaxDrawingsPerKey { get; init; } = 32;

    /// <summary>Exports of one key at a time. Default 4.</summary>
    [Range(1, 1000)]
    public int MaxExportsPerKey { get; init; } = 4;

    /// <summary>Seconds that a dry run of a job may take. Default 20.</summary>
    [Range(0.1, 600)]
    public double DryRunSeconds { get; init; } = 20;

    /// <summary>
    /// Seconds more for a worker to explain some images of a dry run, where the model's pace is not known yet; 0: no worker is asked.
    /// Default 30.
    /// </summary>
    [Range(0, 600)]
    public double DryRunPaceSeconds { get; init; } = 30;

    /// <summary>The longest side of a picture that is drawn, in pixels. Default 4096.</summary>
    [Range(16, 16384)]
    public int MaxPictureSide { get; init; } = 4096;

    public RetentionOptions Retention { get; init; } = new();

    internal ImageLimits UploadLimits => ImageLimits.Default with { MaxBytes = MaxUploadBytes, MaxPixels = MaxUploadPixels };
}
