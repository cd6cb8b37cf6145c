using System.ComponentModel.DataAnnotations;

namespace AgCam.Worker;

/// <summary>Options of a worker.</summary>
public sealed record WorkerOptions
{
    /// <summary>Name of the configuration section.</summary>
    public const string Section = "Worker";

    /// <summary>Name of the worker in its leases, for the operator. Default: the machine's name and the process id.</summary>
    [Required]
    public string Name { get; init; } = $"{Environment.MachineName}/{Environment.ProcessId}";

    /// <summary>Device: auto, cpu, cuda or cuda:n. Run one process for each GPU. Default auto.</summary>
    [Required]
    public string Device { get; init; } = "auto";

    /// <summary>Maximum number of images in a forward pass. Default 16; on a GPU more is faster.</summary>
    [Range(1, 4096)]
    public int MaxBatch { get; init; } = 16;

    /// <summary>
    /// Number of batches that a CPU computes at the same time, sharing its threads. Default: 2, or 1 with a single thread.
    /// A GPU always computes one.
    /// </summary>
    [Range(1, 64)]
    public int? ParallelBatches { get; init; }

    /// <summary>Maximum milliseconds that an image waits for others to share its forward pass. Default 10.</summary>
    [Range(0, 10_000)]
    public double MaxDelayMilliseconds { get; init; } = 10;

    /// <summary>Maximum number of images that are read and decoded at the same time. Default: one for each processor.</summary>
    [Range(1, 1024)]
    public int Decoders { get; init; } = Environment.ProcessorCount;

    /// <summary>Maximum number of images that are fetched at the same time over a network: S3, HTTP and uploads. Default 32.</summary>
    [Range(1, 1024)]
    public int Fetches { get; init; } = 32;

    /// <summary>Maximum number of decoded images that wait for the device. Default 128, about 20 MB at 224 x 224.</summary>
    [Range(1, 65_536)]
    public int DecodedAhead { get; init; } = 128;

    /// <summary>Maximum number of bulk chunks at a time: enough to fill batches while others are stored. Default 3.</summary>
    [Range(1, 256)]
    public int BulkChunks { get; init; } = 3;

    /// <summary>Maximum number of interactive requests at a time. Default 16.</summary>
    [Range(1, 1024)]
    public int InteractiveRequests { get; init; } = 16;

    /// <summary>Seconds after which a lease without a heartbeat expires. Default 60; there are three heartbeats in that time.</summary>
    [Range(1, 3600)]
    public double LeaseSeconds { get; init; } = 60;

    /// <summary>
    /// Number of unexpected errors after which a chunk's images end as Failed, given-up. An unavailable store or broker does not count.
    /// Default 6.
    /// </summary>
    [Range(1, 1000)]
    public int MaxFaults { get; init; } = 6;

    /// <summary>
    /// Maximum MiB of loaded weights. The least recently used model is unloaded first, a model in use never. Default 4096; a ViT-B in
    /// float32 takes 330.
    /// </summary>
    [Range(1, 1 << 24)]
    public int ModelMemoryMegabytes { get; init; } = 4096;

    /// <summary>
    /// Models to load before the first request is received, in this order and as far as they fit into the memory. Default none.
    /// </summary>
    public IReadOnlyList<string> WarmUp { get; init; } = [];

    /// <summary>
    /// Seconds that running chunks have to finish when the process stops; then they are requeued. Less than
    /// Pipeline:ConsumerStopSeconds. Default 15.
    /// </summary>
    [Range(0, 86_400)]
    public double DrainSeconds { get; init; } = 15;

    /// <summary>Seconds to retry a store that does not answer, before the chunk is requeued. Default 600.</summary>
    [Range(0, 86_400)]
    public double StoreRetrySeconds { get; init; } = 600;

    /// <summary>
    /// Address of /health/live and /health/ready, such as http://127.0.0.1:8081/ or http://*:8081/. Default none.
    /// </summary>
    [RegularExpression("http://.+/", ErrorMessage = "HealthListen must be like http://*:8081/, with the slash at its end.")]
    public string? HealthListen { get; init; }

    internal TimeSpan Lease => TimeSpan.FromSeconds(LeaseSeconds);
}
