using System.Text.Json;
using System.Text.Json.Serialization;
using AgCam.Attribution;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Records;

[JsonConverter(typeof(JsonStringEnumConverter<JobState>))]
public enum JobState
{
    /// <summary>Its chunks are planned, published and computed, all at once.</summary>
    Running,

    /// <summary>Nothing more is published until it is resumed; <see cref="Job.Reason"/> says why.</summary>
    Paused,

    /// <summary>Terminal. Chunks not done stay so.</summary>
    Cancelled,

    /// <summary>Terminal: every image has its record.</summary>
    Completed,
}

/// <summary>What is asked for; never changes once the job exists.</summary>
public sealed record JobSpec
{
    /// <summary>Where the images come from, e.g. folder:/data/pets or s3://bucket/prefix.</summary>
    public required string Source { get; init; }

    public required ModelPin Model { get; init; }

    public string Method { get; init; } = AttributionMethod.Paper;

    public IReadOnlyList<string> Targets { get; init; } = ["predicted"];

    public double Threshold { get; init; } = 0.5;

    public string Dtype { get; init; } = "float32";

    public Lane Lane { get; init; }

    /// <summary>The job's share of the window against other running jobs.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>The share of failures among the first thousand images above which the job is paused.</summary>
    public double MaxFailureRate { get; init; } = 1;

    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>The job whose failures this one tries again.</summary>
    public Guid? Parent { get; init; }

    /// <summary>Who is called when the job has completed; null for nobody.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Webhook { get; init; }

    /// <summary>What is measured, of a job that evaluates; null of one that explains.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public EvaluationSpec? Evaluation { get; init; }

    /// <summary>
    /// W3C's traceparent of who asked, for those who follow the job; no part of what is asked for, so the same key may come with
    /// another. Null where nobody traces.
    /// </summary>
    [JsonIgnore]
    public string? Trace { get; init; }

    /// <summary>
    /// Name of the API key that made it; no part of what is asked for. Null: it was made without keys, and belongs to the scope admin.
    /// </summary>
    [JsonIgnore]
    public string? Owner { get; init; }

    /// <summary>Free settings of the planner: manifest columns, filters, rehash.</summary>
    public IReadOnlyDictionary<string, string>? Options { get; init; }

    /// <summary>
    /// Tells whether the same idempotency key came with the same body: SHA-256 of the spec as JSON, options sorted by name.
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

/// <summary>A job as it stands.</summary>
public sealed record Job
{
    public required Guid Id { get; init; }

    public required JobSpec Spec { get; init; }

    /// <summary>See <see cref="Chunk.Generation"/>.</summary>
    public long Generation { get; init; }

    public required DateTimeOffset Created { get; init; }

    public required JobState State { get; init; }

    /// <summary>Why it is paused or cancelled, for a person.</summary>
    public string? Reason { get; init; }

    /// <summary>How many images there are; null until planning is done.</summary>
    public int? Images { get; init; }

    /// <summary>How many chunks there are; null until planning is done.</summary>
    public int? Chunks { get; init; }

    public required JobProgress Progress { get; init; }

    /// <summary>When it was completed or cancelled.</summary>
    public DateTimeOffset? Finished { get; init; }

    /// <summary>Whether the bus has been told that it is completed; its webhook may still be to tell.</summary>
    public bool EventPublished { get; init; }
}

/// <summary>Sums over the chunks that are done, kept as they are done; nothing is counted to read them.</summary>
public sealed record JobProgress
{
    public int ChunksDone { get; init; }

    public int Completed { get; init; }

    public int Failed { get; init; }

    /// <summary>Completed, and the prediction is the label.</summary>
    public int Correct { get; init; }

    /// <summary>Completed, and there is a label.</summary>
    public int Labelled { get; init; }

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
