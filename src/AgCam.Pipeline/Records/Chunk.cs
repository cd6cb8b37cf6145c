using System.Text.Json.Serialization;
using AgCam.Pipeline.Messages;

namespace AgCam.Pipeline.Records;

[JsonConverter(typeof(JsonStringEnumConverter<ChunkState>))]
public enum ChunkState
{
    /// <summary>Written down, not given to the broker.</summary>
    Planned,

    /// <summary>With the broker, until <see cref="Chunk.Until"/>; then it is published again.</summary>
    Published,

    /// <summary>With a worker, until <see cref="Chunk.Until"/>; then the worker counts as dead.</summary>
    Leased,

    /// <summary>
    /// Its items are stored; its numbers may not be in the job's yet. The store's own matter: callers see <see cref="Done"/>.
    /// </summary>
    Saved,

    /// <summary>Terminal.</summary>
    Done,
}

/// <summary>1 to 256 images that are computed and stored together.</summary>
public sealed record Chunk
{
    /// <summary>The job, or the request where there is no job.</summary>
    public required Guid Owner { get; init; }

    /// <summary>From 0, without gaps.</summary>
    public required int Number { get; init; }

    /// <summary>
    /// Whose chunk it is of those that had the same owner and number one after the other: a job that was deleted and made again under
    /// its key has another, drawn at random, so what was published, leased or planned for the first is none of the second's.
    /// </summary>
    public long Generation { get; init; }

    /// <summary>How many images.</summary>
    public required int Count { get; init; }

    /// <summary>What to compute. Empty once the chunk is done: its items hold them then.</summary>
    public IReadOnlyList<ImageReference> References { get; init; } = [];

    /// <summary>The message itself where no job stands behind it; null for a job's chunk, whose message follows from the job.</summary>
    public ExplainImages? Request { get; init; }

    public required ChunkState State { get; init; }

    /// <summary>How often it has been published.</summary>
    public int PublishCount { get; init; }

    /// <summary>How often it has been leased. With the life, the fence: what a lease of an older attempt says no longer counts.</summary>
    public int Attempts { get; init; }

    /// <summary>How many attempts ended without a word from the worker. From 1 on, its images are computed one at a time.</summary>
    public int Crashes { get; init; }

    /// <summary>Since the last crash: which worker it was and when its lease began, for a person.</summary>
    public string? CrashNote { get; init; }

    /// <summary>How many attempts ended in an error that nobody foresaw. A worker gives the chunk up when there are too many.</summary>
    public int Faults { get; init; }

    public string? Worker { get; init; }

    public DateTimeOffset? Until { get; init; }

    public DateTimeOffset? Published { get; init; }

    public DateTimeOffset? Leased { get; init; }

    public DateTimeOffset? Done { get; init; }

    /// <summary>The chunk's own numbers, of its stored items; null until it is done (or saved).</summary>
    public JobProgress? Sum { get; init; }

    /// <summary>The images that were computed alone and have not come back yet: number, and how often that was begun.</summary>
    public IReadOnlyDictionary<int, int> Isolated { get; init; } = new Dictionary<int, int>();
}
