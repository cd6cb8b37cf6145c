using System.Text.Json;
using System.Text.Json.Serialization;
using AgCam.Attribution;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Records;

/// <summary>State of a job.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<JobState>))]
public enum JobState
{
    /// <summary>Chunks are planned, published and computed concurrently.</summary>
    Running,

    /// <summary>No chunk is published until the job is resumed. <see cref="Job.Reason"/> says why.</summary>
    Paused,

    /// <summary>Terminal. Chunks that are not done stay as they are.</summary>
    Cancelled,

    /// <summary>Terminal. Every image has its record.</summary>
    Completed,
}

/// <summary>Request for a job. Immutable once the job exists.</summary>
public sealed record JobSpec
{
    /// <summary>Source of the images, for example folder:/data/pets or s3://bucket/prefix.</summary>
    public required string Source { get; init; }

    public required ModelPin Model { get; init; }

    public string Method { get; init; } = AttributionMethod.Paper;

    public IReadOnlyList<string> Targets { get; init; } = ["predicted"];

    public double Threshold { get; init; } = 0.5;

    public string Dtype { get; init; } = "float32";

    /// <summary>Whether each explanation keeps its embedding. Default true.</summary>
    public bool Embedding { get; init; } = true;

    public Lane Lane { get; init; }

    /// <summary>Share of the publishing window, relative to other running jobs.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Failure rate among the first thousand images above which the job is paused, 0 to 1.</summary>
    public double MaxFailureRate { get; init; } = 1;

    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Job whose failed images this job retries.</summary>
    public Guid? Parent { get; init; }

    /// <summary>URL that is called when the job has completed. Null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Webhook { get; init; }

    /// <summary>Settings of an evaluation. Null for a job that explains.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public EvaluationSpec? Evaluation { get; init; }

    /// <summary>Settings of an audit of the explanations. Null for a job without one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AuditSpec? Audit { get; init; }

    /// <summary>
    /// W3C traceparent of the caller, for tracing the job. Not part of <see cref="Hash"/>: a retry may carry another. Null without tracing.
    /// </summary>
    [JsonIgnore]
    public string? Trace { get; init; }

    /// <summary>
    /// Name of the API key that created the job. Not part of <see cref="Hash"/>. Null when created without keys; then only the scope admin
    /// may change it.
    /// </summary>
    [JsonIgnore]
    public string? Owner { get; init; }

    /// <summary>Settings of the planner: manifest columns, filters, rehash.</summary>
    public IReadOnlyDictionary<string, string>? Options { get; init; }

    /// <summary>
    /// Returns the SHA-256 of the spec as JSON, options sorted by name. It differs when an idempotency key is reused for another job.
    /// </summary>
    public Digest Hash() =>
        Digest.Of(
            JsonSerializer.SerializeToUtf8Bytes(
                this with
                {
                    Options = Options is null ? null : new SortedDictionary<string, string>(Options.ToDictionary(), StringComparer.Ordinal),
                }
            )
        );
}

/// <summary>Current state of a job.</summary>
public sealed record Job
{
    public required Guid Id { get; init; }

    public required JobSpec Spec { get; init; }

    /// <summary>See <see cref="Chunk.Generation"/>.</summary>
    public long Generation { get; init; }

    public required DateTimeOffset Created { get; init; }

    public required JobState State { get; init; }

    /// <summary>Reason why it is paused or cancelled, for a person.</summary>
    public string? Reason { get; init; }

    /// <summary>Number of images. Null until planning is done.</summary>
    public int? Images { get; init; }

    /// <summary>Number of chunks. Null until planning is done.</summary>
    public int? Chunks { get; init; }

    public required JobProgress Progress { get; init; }

    /// <summary>Time when it was completed or cancelled.</summary>
    public DateTimeOffset? Finished { get; init; }

    /// <summary>Whether <see cref="JobCompleted"/> has been published. The webhook may still be pending.</summary>
    public bool EventPublished { get; init; }
}

/// <summary>Totals over the chunks that are done. They are updated with each chunk, so reading them counts nothing.</summary>
public sealed record JobProgress
{
    public int ChunksDone { get; init; }

    public int Completed { get; init; }

    public int Failed { get; init; }

    /// <summary>Number of completed images whose prediction equals the label.</summary>
    public int Correct { get; init; }

    /// <summary>Number of completed images with a label that is a class of the model.</summary>
    public int Labelled { get; init; }

    /// <summary>Returns the totals of one chunk's items.</summary>
    public static JobProgress Of(IEnumerable<Item> items)
    {
        int completed = 0,
            failed = 0,
            correct = 0,
            labelled = 0;
        foreach (var item in items)
        {
            if (item.Status == ItemStatus.Failed)
                failed++;
            else
                completed++;
            if (item.Correct is { } isCorrect)
            {
                labelled++;
                correct += isCorrect ? 1 : 0;
            }
        }
        return new JobProgress
        {
            ChunksDone = 1,
            Completed = completed,
            Failed = failed,
            Correct = correct,
            Labelled = labelled,
        };
    }

    public static JobProgress operator +(JobProgress left, JobProgress right) =>
        new()
        {
            ChunksDone = left.ChunksDone + right.ChunksDone,
            Completed = left.Completed + right.Completed,
            Failed = left.Failed + right.Failed,
            Correct = left.Correct + right.Correct,
            Labelled = left.Labelled + right.Labelled,
        };
}
