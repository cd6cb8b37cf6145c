using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Messages;

/// <summary>
/// A chunk's images have all ended in a stored record. Told at least once per chunk; the same chunk told again says the same but for
/// the time.
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
/// A job has ended. Who tells holds the right to in the store, so it is told once; a crash between the telling and its mark in the
/// store makes it be told again, and so does the answer of a webhook's
/// receiver. The message id is the job's id each time.
/// </summary>
public sealed record JobCompleted
{
    public Guid JobId { get; init; }

    public JobProgress Progress { get; init; } = new();

    public DateTimeOffset At { get; init; }
}
