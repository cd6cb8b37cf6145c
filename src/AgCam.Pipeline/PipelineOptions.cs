using System.ComponentModel.DataAnnotations;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Webhooks;

namespace AgCam.Pipeline;

/// <summary>Options of every process of the pipeline. The defaults need no broker and no database server.</summary>
public sealed record PipelineOptions : IValidatableObject
{
    /// <summary>Section of the configuration.</summary>
    public const string Section = "Pipeline";

    /// <summary>Value of <see cref="Bus"/> without a broker: one process publishes and explains.</summary>
    public const string InMemory = "memory";

    /// <summary>
    /// SQLite file of the user, below XDG_DATA_HOME or ~/.local/share. It does not depend on the current folder, so every command finds
    /// the same store.
    /// </summary>
    public static string DefaultStore { get; } =
        Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
            "agcam",
            "agcam.db"
        );

    /// <summary>
    /// Path of a SQLite file, or a MongoDB address (mongodb:// or mongodb+srv://). Default ~/.local/share/agcam/agcam.db. Below
    /// XDG_DATA_HOME instead of ~/.local/share where that is set.
    /// </summary>
    [Required]
    public string Store { get; init; } = DefaultStore;

    /// <summary>Name of the MongoDB database. Default agcam.</summary>
    [Required]
    public string Database { get; init; } = "agcam";

    /// <summary>"memory", or the address of a broker (amqp:// or amqps://). Default memory.</summary>
    [Required]
    public string Bus { get; init; } = InMemory;

    /// <summary>Prefix of the names of queues and exchanges, so that several pipelines can share a broker. Default explain.</summary>
    [RegularExpression("[a-z][a-z0-9-]{0,63}")]
    public string Prefix { get; init; } = "explain";

    /// <summary>File that holds the value of <see cref="Store"/>, such as a mounted secret of a cluster. Default none.</summary>
    public string? StoreFile { get; init; }

    /// <summary>File that holds the value of <see cref="Bus"/>. Default none.</summary>
    public string? BusFile { get; init; }

    /// <summary>
    /// TLS files for a MongoDB server with a private certificate authority or with client certificates. authMechanism=MONGODB-X509 in the
    /// address logs in with the certificate. Default: the machine's authorities.
    /// </summary>
    public TlsOptions StoreTls { get; init; } = new();

    /// <summary>TLS files for an amqps:// broker with a private certificate authority. Default: the machine's authorities.</summary>
    public TlsOptions BusTls { get; init; } = new();

    /// <summary>
    /// Apply: the start declares queues and exchanges. Verify: it only checks that they exist, and needs no configure permission. Default
    /// Apply.
    /// </summary>
    public TopologyMode Topology { get; init; } = TopologyMode.Apply;

    /// <summary>
    /// Whether a process with jobs subscribes to the broker's events over a temporary queue. When false, waiters poll the store every 0.5
    /// s. Default true.
    /// </summary>
    public bool SubscribeToEvents { get; init; } = true;

    /// <summary>
    /// Seconds that a stop waits for messages in progress. Unfinished ones are requeued. Must be more than a worker's DrainSeconds. Default
    /// 25.
    /// </summary>
    [Range(1, 86_400)]
    public double ConsumerStopSeconds { get; init; } = 25;

    /// <summary>Maximum seconds that stopping the bus takes; not less than <see cref="ConsumerStopSeconds"/>. Default 30.</summary>
    [Range(1, 86_400)]
    public double StopSeconds { get; init; } = 30;

    /// <summary>
    /// Maximum seconds that stopping the process takes. Not less than <see cref="StopSeconds"/>, and less than the time after which an
    /// orchestrator kills it. Default 35.
    /// </summary>
    [Range(1, 86_400)]
    public double ShutdownSeconds { get; init; } = 35;

    /// <summary>
    /// Whether the start creates or migrates the store's schema. When false, it refuses an older schema and needs no right to create
    /// anything. Default true.
    /// </summary>
    public bool MigrateStore { get; init; } = true;

    /// <summary>
    /// Whether this process plans and publishes jobs and receives events. API processes do; workers need not. Default true.
    /// </summary>
    public bool RunJobs { get; init; } = true;

    /// <summary>Minimum number of images in a chunk of a job. Default 64.</summary>
    [Range(1, ExplainImages.MaxReferences)]
    public int ChunkSize { get; init; } = 64;

    /// <summary>Maximum number of images in a chunk of a job. Default 256; at least <see cref="ChunkSize"/>.</summary>
    [Range(1, ExplainImages.MaxReferences)]
    public int MaxChunkSize { get; init; } = ExplainImages.MaxReferences;

    /// <summary>Seconds that a worker should take for a chunk, within those two sizes. Default 5.</summary>
    [Range(0.01, 3600)]
    public double ChunkSeconds { get; init; } = 5;

    /// <summary>
    /// Minimum and initial number of chunks in the broker or with workers, over all jobs. It grows while workers wait for work. Default 4.
    /// </summary>
    [Range(1, 4096)]
    public int MinWindow { get; init; } = 4;

    /// <summary>Maximum number of chunks in the broker or with workers, over all jobs. Default 1024.</summary>
    [Range(1, 65_536)]
    public int MaxWindow { get; init; } = 1024;

    /// <summary>Visibility timeout: seconds after which a published chunk that no worker leased is published again. Default 120.</summary>
    [Range(1, 86_400)]
    public double VisibilityTimeoutSeconds { get; init; } = 120;

    /// <summary>Seconds between polls for jobs to plan and publish and for expired leases. Default 0.5.</summary>
    [Range(0.01, 60)]
    public double PollSeconds { get; init; } = 0.5;

    /// <summary>Seconds that a publish waits for the broker's confirm before it is retried. Default 15.</summary>
    [Range(0.1, 600)]
    public double ConfirmSeconds { get; init; } = 15;

    /// <summary>Maximum seconds that the start waits for the store and the broker. Default 60.</summary>
    [Range(1, 3600)]
    public double StartSeconds { get; init; } = 60;

    /// <summary>Models that may be used: name to folder or .safetensors file. Default none.</summary>
    public IReadOnlyDictionary<string, string> Models { get; init; } = new Dictionary<string, string>();

    /// <summary>Places that images may be read from.</summary>
    public ReferenceOptions References { get; init; } = new();

    /// <summary>Webhooks that are called when a job ends.</summary>
    public WebhookOptions Webhooks { get; init; } = new();

    /// <summary>Returns the options with the contents of every secret file in place of its name.</summary>
    /// <exception cref="OptionsException">A file is missing, cannot be read, or is empty.</exception>
    public PipelineOptions WithSecrets() =>
        this with
        {
            Store = StoreFile is { } store ? SecretFile.Read("Pipeline:StoreFile", store) : Store,
            Bus = BusFile is { } bus ? SecretFile.Read("Pipeline:BusFile", bus) : Bus,
            StoreFile = null,
            BusFile = null,
            Webhooks = Webhooks.WithSecrets(),
        };

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ConsumerStopSeconds > StopSeconds || StopSeconds > ShutdownSeconds)
            yield return new ValidationResult(
                $"ConsumerStopSeconds ({ConsumerStopSeconds}) <= StopSeconds ({StopSeconds}) <= ShutdownSeconds "
                    + $"({ShutdownSeconds}) must hold.",
                [nameof(StopSeconds)]
            );
    }

    /// <summary>Returns the options without secrets.</summary>
    public override string ToString() => $"{nameof(PipelineOptions)} {{ Database = {Database}, Prefix = {Prefix}, RunJobs = {RunJobs} }}";

    /// <summary>Shutdown timeout of the process's host.</summary>
    public TimeSpan Shutdown => TimeSpan.FromSeconds(ShutdownSeconds);

    internal TimeSpan VisibilityTimeout => TimeSpan.FromSeconds(VisibilityTimeoutSeconds);

    internal TimeSpan Poll => TimeSpan.FromSeconds(PollSeconds);

    internal TimeSpan Start => TimeSpan.FromSeconds(StartSeconds);

    internal bool IsInMemory => Bus == InMemory;
}

/// <summary>Mode in which the start handles the broker's queues and exchanges.</summary>
public enum TopologyMode
{
    Apply,
    Verify,
}

/// <summary>Reports invalid options. Every invalid option is named with what is allowed; the operator must act.</summary>
public sealed class OptionsException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Validates options by their attributes.</summary>
    /// <param name="section">Section of the options in the configuration.</param>
    /// <exception cref="OptionsException">A value is out of its range.</exception>
    public static void ThrowIfInvalid(object options, string section)
    {
        var problems = new List<ValidationResult>();
        if (!Validator.TryValidateObject(options, new ValidationContext(options), problems, validateAllProperties: true))
            throw new OptionsException(
                string.Join(" ", problems.Select(problem => $"{section}:{string.Join(", ", problem.MemberNames)}: {problem.ErrorMessage}"))
            );
    }
}
