using System.ComponentModel.DataAnnotations;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.References;

namespace AgCam.Pipeline;

/// <summary>What every process of the pipeline needs to know. The defaults are one process with a file: no broker, no database server.</summary>
public sealed record PipelineOptions
{
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

    /// <summary>Whether this process plans and publishes jobs and hears of what has been explained: the API's processes do, workers need not. Default true.</summary>
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

    /// <summary>Chunks of all jobs together that are in the broker or with workers at a time, to begin with; it grows while workers are waiting for work. Default 4.</summary>
    [Range(1, 4096)]
    public int MinWindow { get; init; } = 4;

    /// <summary>As far as the window grows. Default 1024.</summary>
    [Range(1, 65_536)]
    public int MaxWindow { get; init; } = 1024;

    /// <summary>Seconds for which a published chunk is left to the broker before it is published again. Default 120.</summary>
    [Range(1, 86_400)]
    public double TrustSeconds { get; init; } = 120;

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

    internal TimeSpan Trust => TimeSpan.FromSeconds(TrustSeconds);

    internal TimeSpan Poll => TimeSpan.FromSeconds(PollSeconds);

    internal TimeSpan Start => TimeSpan.FromSeconds(StartSeconds);

    internal bool IsInMemory => Bus == InMemory;
}

/// <summary>Options cannot be used; the operator must act. Every offending option is named, with what is allowed.</summary>
public sealed class OptionsException(string message) : Exception(message)
{
    /// <exception cref="OptionsException">A value is out of its range.</exception>
    public static void ThrowIfInvalid(object options)
    {
        var problems = new List<ValidationResult>();
        if (!Validator.TryValidateObject(options, new ValidationContext(options), problems, validateAllProperties: true))
            throw new OptionsException($"{options.GetType().Name}: {string.Join(" ", problems.Select(problem => problem.ErrorMessage))}");
    }
}
