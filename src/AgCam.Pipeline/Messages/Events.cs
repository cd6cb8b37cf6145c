using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Messages;

/// <summary>A chunk's images have all ended in a stored record. Told at least once per chunk; the same chunk told again says the same.</summary>
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

/// <summary>A job has ended. Told once; should a crash make it be told again, the message id is the job's id both times.</summary>
public sealed record JobCompleted
{
    public Guid JobId { get; init; }

    public JobProgress Progress { get; init; } = new();

    public DateTimeOffset At { get; init; }
}
