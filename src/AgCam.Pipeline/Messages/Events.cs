using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Messages;

/// <summary>
/// Every image of a chunk has ended in a stored record. Published at least once per chunk. A repeated event differs in its time alone.
/// </summary>
public sealed record ChunkExplained
{
    public string Key { get; init; } = "";

    public Guid? JobId { get; init; }

    /// <summary>Under which the items are stored: the job, or the request.</summary>
    public Guid Owner { get; init; }

    public int Chunk { get; init; }

    public int Completed { get; init; }

    public int Failed { get; init; }

    public DateTimeOffset At { get; init; }
}

/// <summary>
/// A job has ended. The publisher holds a lease in the store, so the event is normally published once. A crash before it is marked as
/// notified, or a webhook that fails, makes it be published again. The message id is the job's id each time.
/// </summary>
public sealed record JobCompleted
{
    public Guid JobId { get; init; }

    public JobProgress Progress { get; init; } = new();

    public DateTimeOffset At { get; init; }
}
