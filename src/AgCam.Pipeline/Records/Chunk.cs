using System.Text.Json.Serialization;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Records;

/// <summary>State of a chunk.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ChunkState>))]
public enum ChunkState
{
    /// <summary>Stored; not published yet.</summary>
    Planned,

    /// <summary>In the broker. It is published again after <see cref="Chunk.Until"/>.</summary>
    Published,

    /// <summary>Leased by a worker. The worker counts as dead after <see cref="Chunk.Until"/>.</summary>
    Leased,

    /// <summary>
    /// Items are stored, but the job's totals may not include them yet. Internal to the store: callers see <see cref="Done"/>.
    /// </summary>
    Saved,

    /// <summary>Terminal.</summary>
    Done,
}

/// <summary>Group of 1 to 256 images that are computed and stored together.</summary>
public sealed record Chunk
{
    /// <summary>Job, or request where there is no job.</summary>
    public required Guid Owner { get; init; }

    /// <summary>Number of the chunk in its job: from 0, without gaps.</summary>
    public required int Number { get; init; }

    /// <summary>
    /// Random id that tells a recreated job's chunks from those of its deleted predecessor. Messages, leases and plans of another
    /// generation are rejected.
    /// </summary>
    public long Generation { get; init; }

    /// <summary>Number of images.</summary>
    public required int Count { get; init; }

    /// <summary>Images to compute. Empty once the chunk is done; its items then hold the references.</summary>
    public IReadOnlyList<ImageReference> References { get; init; } = [];

    /// <summary>Message of a request without a job. Null for a job's chunk, whose message is made from the job.</summary>
    public ExplainImages? Request { get; init; }

    public required ChunkState State { get; init; }

    /// <summary>Number of publications.</summary>
    public int PublishCount { get; init; }

    /// <summary>Number of leases. Fencing token together with <see cref="Generation"/>: results of an older attempt are rejected.</summary>
    public int Attempts { get; init; }

    /// <summary>Number of attempts whose lease expired. From 1 on, images are computed one at a time.</summary>
    public int Crashes { get; init; }

    /// <summary>Worker of the last crashed attempt and the start of its lease, as text. Null before the first crash.</summary>
    public string? CrashNote { get; init; }

    /// <summary>
    /// Number of attempts that ended in an unexpected error. The worker fails the chunk's images when there are too many.
    /// </summary>
    public int Faults { get; init; }

    public string? Worker { get; init; }

    /// <summary>End of the lease or of the visibility timeout.</summary>
    public DateTimeOffset? Until { get; init; }

    public DateTimeOffset? Published { get; init; }

    public DateTimeOffset? Leased { get; init; }

    public DateTimeOffset? Done { get; init; }

    /// <summary>Totals over the chunk's items. Null until the chunk is saved.</summary>
    public JobProgress? Sum { get; init; }

    /// <summary>Images whose isolated computation started and has not returned: number to count of starts.</summary>
    public IReadOnlyDictionary<int, int> Isolated { get; init; } = new Dictionary<int, int>();
}
