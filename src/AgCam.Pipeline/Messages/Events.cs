using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Messages;

/// <summary>
/// Says that every image of a chunk has a stored terminal record. Published at least once per chunk; a repeated event differs in
/// <see cref="At"/> only.
/// </summary>
public sealed record ChunkExplained
{
    public string Key { get; init; } = "";

    public Guid? JobId { get; init; }

    /// <summary>Job, or request where there is no job. The items are stored under it.</summary>
    public Guid Owner { get; init; }

    public int Chunk { get; init; }

    public int Completed { get; init; }

    public int Failed { get; init; }

    public DateTimeOffset At { get; init; }
}

/// <summary>
/// Says that a job has completed. Normally published once, under a lease in the store. It is published again after a crash before the job
/// is marked as notified, or after a webhook that failed. The message id is always the job's id.
/// </summary>
public sealed record JobCompleted
{
    public Guid JobId { get; init; }

    public JobProgress Progress { get; init; } = new();

    public DateTimeOffset At { get; init; }
}
