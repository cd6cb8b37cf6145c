using System.ComponentModel.DataAnnotations;
using AgCam.Api.Security;
using AgCam.Images;

namespace AgCam.Api;

/// <summary>Options of the API: section "Api" of the configuration, validated at start.</summary>
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

    /// <summary>Keys that may call. Without keys only this machine may call.</summary>
    public IReadOnlyList<ApiKey> Keys { get; init; } = [];

    /// <summary>Maximum bytes of an uploaded image. Default 32 MiB.</summary>
    [Range(1, 1L << 30)]
    public long MaxUploadBytes { get; init; } = 32L << 20;

    /// <summary>Maximum pixels of an uploaded image. Default 2^26.</summary>
    [Range(1, 1L << 29)]
    public long MaxUploadPixels { get; init; } = ImageLimits.Default.MaxPixels;

    /// <summary>Minimum rate of a request body in bytes per second, after a grace period of five seconds. Default 1024.</summary>
    [Range(1, 1_000_000_000)]
    public int MinUploadBytesPerSecond { get; init; } = 1024;

    /// <summary>Maximum seconds for a whole request body. Default 300.</summary>
    [Range(1.0, 3000.0)]
    public double MaxBodySeconds { get; init; } = 300;

    /// <summary>
    /// Maximum bytes of all bodies in transfer in this process; excess requests get 429. A body counts with its whole length, at least
    /// 128 KiB. A larger image is received when no other body is. Default 256 MiB.
    /// </summary>
    [Range(1, 1L << 40)]
    public long MaxReceivingBytes { get; init; } = 256L << 20;

    /// <summary>Maximum of those bytes per key; no limit without keys. Default 128 MiB.</summary>
    [Range(1, 1L << 40)]
    public long MaxReceivingBytesPerKey { get; init; } = 128L << 20;

    /// <summary>Maximum of <c>?wait</c>, in seconds. Default 60.</summary>
    [Range(0, 600)]
    public int MaxWaitSeconds { get; init; } = 60;

    /// <summary>Maximum images per minute and key, and as many at once. Default 6000.</summary>
    [Range(1, 10_000_000)]
    public int ImagesPerMinute { get; init; } = 6000;

    /// <summary>Maximum body bytes per minute and key, and as many at once. Default 2 GiB.</summary>
    [Range(1024, 1L << 40)]
    public long BytesPerMinute { get; init; } = 2L << 30;

    /// <summary>Number of API processes that share the load: each grants its part of the rates. Default 1.</summary>
    [Range(1, 1000)]
    public int Replicas { get; init; } = 1;

    /// <summary>Maximum accepted requests of this process without a result; excess requests get 429. Default 512.</summary>
    [Range(1, 100_000)]
    public int MaxPending { get; init; } = 512;

    /// <summary>Maximum of those requests per key; no limit without keys. Default 256.</summary>
    [Range(1, 100_000)]
    public int MaxPendingPerKey { get; init; } = 256;

    /// <summary>Maximum open requests per key in this process: event streams and waits. Default 256.</summary>
    [Range(1, 100_000)]
    public int MaxHeldPerKey { get; init; } = 256;

    /// <summary>Maximum pictures per key that are drawn or queued. Default 32.</summary>
    [Range(1, 100_000)]
    public int MaxDrawingsPerKey { get; init; } = 32;

    /// <summary>Maximum concurrent exports per key. Default 4.</summary>
    [Range(1, 1000)]
    public int MaxExportsPerKey { get; init; } = 4;

    /// <summary>Maximum seconds of a dry run. Default 20.</summary>
    [Range(0.1, 600)]
    public double DryRunSeconds { get; init; } = 20;

    /// <summary>
    /// Additional seconds in which a worker explains a sample of a dry run, when the pace of the model is unknown. 0 turns it off.
    /// Default 30.
    /// </summary>
    [Range(0, 600)]
    public double DryRunPaceSeconds { get; init; } = 30;

    /// <summary>Maximum side of a drawn picture, in pixels. Default 4096.</summary>
    [Range(16, 16384)]
    public int MaxPictureSide { get; init; } = 4096;

    public RetentionOptions Retention { get; init; } = new();

    internal ImageLimits UploadLimits => ImageLimits.Default with { MaxBytes = MaxUploadBytes, MaxPixels = MaxUploadPixels };
}
