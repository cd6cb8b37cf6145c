using System.ComponentModel.DataAnnotations;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Webhooks;

namespace AgCam.Pipeline;

/// <summary>
/// What every process of the pipeline needs to know. The defaults are one process with a file: no broker, no database server.
/// </summary>
public sealed record PipelineOptions : IValidatableObject
{
    /// <summary>Of the configuration.</summary>
    public const string Section = "Pipeline";

    /// <summary>In <see cref="Bus"/>: no broker. One process publishes and explains.</summary>
    public const string InMemory = "memory";

    /// <summary>The path of a SQLite file, or mongodb:// (mongodb+srv://) and a server. Default agcam.db.</summary>
    [Required]
    public string Store { get; init; } = "agcam.db";

    /// <summary>MongoDB's database. Default agcam.</summary>
    [Required]
    public string Database { get; init; } = "agcam";

    /// <summary>"memory" (default), or amqp:// (amqps://) and a broker.</summary>
    [Required]
    public string Bus { get; init; } = InMemory;

    /// <summary>What the names of queues and exchanges begin with, so that several pipelines share a broker. Default explain.</summary>
    [RegularExpression("[a-z][a-z0-9-]{0,63}")]
    public string Prefix { get; init; } = "explain";

    /// <summary>A file that holds what <see cref="Store"/> would: a secret that a cluster mounts. Default none.</summary>
    public string? StoreFile { get; init; }

    /// <summary>A file that holds what <see cref="Bus"/> would. Default none.</summary>
    public string? BusFile { get; init; }

    /// <summary>
    /// For a MongoDB server with a certificate of one's own authority, or one that asks for ours; authMechanism=MONGODB-X509 in the
    /// address logs in with it. Default: the machine's authorities.
    /// </summary>
    public TlsOptions StoreTls { get; init; } = new();

    /// <summary>For an amqps:// broker with a certificate of one's own authority. Default: the machine's authorities.</summary>
    public TlsOptions BusTls { get; init; } = new();

    /// <summary>
    /// Apply (default): a start declares queues and exchanges. Verify: it only looks whether they are there, and needs no configure
    /// permission.
    /// </summary>
    public TopologyMode Topology { get; init; } = TopologyMode.Apply;

    /// <summary>
    /// Whether a process with jobs subscribes to the broker's events, over a temporary queue of its own. When false, waiters poll the
    /// store every 0.5 s. Default true.
    /// </summary>
    public bool SubscribeToEvents { get; init; } = true;

    /// <summary>
    /// Seconds that a stop waits for messages in hand. What is not finished then is requeued. More than a worker's DrainSeconds.
    /// Default 25.
    /// </summary>
    [Range(1, 86_400)]
    public double ConsumerStopSeconds { get; init; } = 25;

    /// <summary>Seconds that a stop gives the bus in all; not less than <see cref="ConsumerStopSeconds"/>. Default 30.</summary>
    [Range(1, 86_400)]
    public double StopSeconds { get; init; } = 30;

    /// <summary>
    /// Seconds that a stop gives the whole process. Not less than <see cref="StopSeconds"/>, and less than the time after which an
    /// orchestrator kills it. Default 35.
    /// </summary>
    [Range(1, 86_400)]
    public double ShutdownSeconds { get; init; } = 35;

    /// <summary>
    /// Whether a start brings the store's schema up to date. Without, it refuses an older one, and needs no right to create anything.
    /// Default true.
    /// </summary>
    public bool MigrateStore { get; init; } = true;

    /// <summary>
    /// Whether this process plans and publishes jobs and receives events. The API's processes do, workers need not. Default true.
    /// </summary>
    public bool RunJobs { get; init; } = true;

    /// <summary>Images in a chunk of a job at least. Default 64.</summary>
    [Range(1, ExplainImages.MaxReferences)]
    public int ChunkSize { get; init; } = 64;

    /// <summary>Images in a chunk of a job at most. Default 256; <see cref="ChunkSize"/> where that is more.</summary>
    [Range(1, ExplainImages.MaxReferences)]
    public int MaxChunkSize { get; init; } = ExplainImages.MaxReferences;

    /// <summary>Seconds of a worker's time that a chunk should take, within those two sizes. Default 5.</summary>
    [Range(0.01, 3600)]
    public double ChunkSeconds { get; init; } = 5;

    /// <summary>
    /// Chunks of all jobs together that are in the broker or with workers at a time, to begin with; it grows while workers are waiting
    /// for work. Default 4.
    /// </summary>
    [Range(1, 4096)]
    public int MinWindow { get; init; } = 4;

    /// <summary>As far as the window grows. Default 1024.</summary>
    [Range(1, 65_536)]
    public int MaxWindow { get; init; } = 1024;

    /// <summary>Seconds for which a published chunk is left to the broker before it is published again. Default 120.</summary>
    [Range(1, 86_400)]
    public double VisibilityTimeoutSeconds { get; init; } = 120;

    /// <summary>Seconds between two looks for work: jobs to plan and publish, leases run out. Default 0.5.</summary>
    [Range(0.01, 60)]
    public double PollSeconds { get; init; } = 0.5;

    /// <summary>Seconds for which a publish may wait for the broker's confirm before it is sent again. Default 15.</summary>
    [Range(0.1, 600)]
    public double ConfirmSeconds { get; init; } = 15;

    /// <summary>Seconds that a start may wait for the store and the broker. Default 60.</summary>
    [Range(1, 3600)]
    public double StartSeconds { get; init; } = 60;

    /// <summary>The models that may be used, and no others: name to folder or .safetensors file.</summary>
    public IReadOnlyDictionary<string, string> Models { get; init; } = new Dictionary<string, string>();

    /// <summary>Where images may be read from.</summary>
    public ReferenceOptions References { get; init; } = new();

    /// <summary>Who is told that a job has ended.</summary>
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

    /// <summary>Without what is secret, so that no log shows it.</summary>
    public override string ToString() => $"{nameof(PipelineOptions)} {{ Database = {Database}, Prefix = {Prefix}, RunJobs = {RunJobs} }}";

    /// <summary>For the host that the process runs in.</summary>
    public TimeSpan Shutdown => TimeSpan.FromSeconds(ShutdownSeconds);

    internal TimeSpan VisibilityTimeout => TimeSpan.FromSeconds(VisibilityTimeoutSeconds);

    internal TimeSpan Poll => TimeSpan.FromSeconds(PollSeconds);

    internal TimeSpan Start => TimeSpan.FromSeconds(StartSeconds);

    internal bool IsInMemory => Bus == InMemory;
}

/// <summary>What a start does about the broker's queues and exchanges.</summary>
public enum TopologyMode
{
    Apply,
    Verify,
}

/// <summary>Options cannot be used; the operator must act. Every offending option is named, with what is allowed.</summary>
public sealed class OptionsException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <param name="section">Where the options stand in the configuration.</param>
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
