using System.ComponentModel.DataAnnotations;

namespace AgCam.Worker;

/// <summary>How a worker works.</summary>
public sealed record WorkerOptions
{
    /// <summary>Of the configuration.</summary>
    public const string Section = "Worker";

    /// <summary>Who holds a lease, for a person who reads it. Default: the machine's name and the process id.</summary>
    [Required]
    public string Name { get; init; } = $"{Environment.MachineName}/{Environment.ProcessId}";

    /// <summary>auto, cpu, cuda or cuda:n. One process for each GPU. Default auto.</summary>
    [Required]
    public string Device { get; init; } = "auto";

    /// <summary>Images in one forward pass at most. Default 16; on a GPU more is faster.</summary>
    [Range(1, 4096)]
    public int MaxBatch { get; init; } = 16;

    /// <summary>
    /// Batches computed at the same time on a CPU, which share its threads. Default: two, or one where there is one thread. On a GPU it
    /// is always one.
    /// </summary>
    [Range(1, 64)]
    public int? ParallelBatches { get; init; }

    /// <summary>Milliseconds that an image waits for others to share its forward pass. Default 10.</summary>
    [Range(0, 10_000)]
    public double MaxDelayMilliseconds { get; init; } = 10;

    /// <summary>Images that are fetched and decoded at the same time. Default: one for each processor.</summary>
    [Range(1, 1024)]
    public int Decoders { get; init; } = Environment.ProcessorCount;

    /// <summary>Images fetched over a network (S3, http, uploads) at the same time. Default 32.</summary>
    [Range(1, 1024)]
    public int Fetches { get; init; } = 32;

    /// <summary>Images decoded ahead of the device at most. Default 128: some 20 MB at 224 x 224.</summary>
    [Range(1, 65_536)]
    public int DecodedAhead { get; init; } = 128;

    /// <summary>Chunks of the bulk lane at a time; enough to fill a batch and to keep the store busy meanwhile. Default 3.</summary>
    [Range(1, 256)]
    public int BulkChunks { get; init; } = 3;

    /// <summary>Requests of the interactive lane at a time. Default 16.</summary>
    [Range(1, 1024)]
    public int InteractiveRequests { get; init; } = 16;

    /// <summary>Seconds without a word after which a worker counts as dead. Default 60; it says a word three times as often.</summary>
    [Range(1, 3600)]
    public double LeaseSeconds { get; init; } = 60;

    /// <summary>
    /// Attempts at a chunk that may end in an error that nobody foresaw; the last one ends its images as Failed, given-up. A store or
    /// broker that is away is none. Default 6.
    /// </summary>
    [Range(1, 1000)]
    public int MaxFaults { get; init; } = 6;

    /// <summary>
    /// MiB of weights that may be loaded at a time; the model used longest ago goes first, one in use never. Default 4096: a ViT-B of
    /// float32 is 330.
    /// </summary>
    [Range(1, 1 << 24)]
    public int ModelMemoryMegabytes { get; init; } = 4096;

    /// <summary>
    /// Models to load before the first request is taken, so that nobody waits for it; in this order and as far as they fit into the
    /// memory. Default none.
    /// </summary>
    public IReadOnlyList<string> WarmUp { get; init; } = [];

    /// <summary>
    /// Seconds that chunks in hand may take to finish once the process is asked to stop; then they go back. Less than
    /// Pipeline:ConsumerStopSeconds. Default 15.
    /// </summary>
    [Range(0, 86_400)]
    public double DrainSeconds { get; init; } = 15;

    /// <summary>Seconds to keep trying a store that does not answer before a chunk goes back to the broker. Default 600.</summary>
    [Range(0, 86_400)]
    public double StoreRetrySeconds { get; init; } = 600;

    /// <summary>
    /// Where /health/live and /health/ready answer: http://127.0.0.1:8081/, or http://*:8081/ for whoever runs the process. Default
    /// none.
    /// </summary>
    [RegularExpression("http://.+/", ErrorMessage = "HealthListen must be like http://*:8081/, with the slash at its end.")]
    public string? HealthListen { get; init; }

    internal TimeSpan Lease => TimeSpan.FromSeconds(LeaseSeconds);
}
