using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Document of a chunk. Its references are a document of their own, <see cref="MongoReferences"/>.</summary>
internal sealed record MongoChunk
{
    /// <summary>States of a chunk whose items are stored.</summary>
    public static readonly ChunkState[] Ended = [ChunkState.Saved, ChunkState.Done];

    public required MongoKey Id { get; init; }

    /// <summary>See <see cref="Chunk.Generation"/>.</summary>
    public long Generation { get; init; }

    /// <summary>True for a request without a job; otherwise null.</summary>
    public bool? Direct { get; init; }

    public ChunkState State { get; init; }
    public int First { get; init; }
    public int Count { get; init; }
    public string? Last { get; init; }
    public int PublishCount { get; init; }
    public int Attempts { get; init; }
    public int Crashes { get; init; }

    /// <summary>True once an image has begun in isolation, so that there may be notes to read and delete.</summary>
    public bool? HasIsolated { get; init; }

    public string? Note { get; init; }
    public int Faults { get; init; }
    public string? Worker { get; init; }
    public DateTimeOffset? Until { get; init; }
    public DateTimeOffset? Published { get; init; }

    /// <summary>Id of the call that last claimed the chunk for publishing.</summary>
    public ObjectId? Claim { get; init; }

    public DateTimeOffset? Leased { get; init; }
    public DateTimeOffset? Done { get; init; }

    /// <summary>Message of a request, until it is done; null for a job's chunk.</summary>
    public ExplainImages? Request { get; init; }

    /// <summary>Hash of the request, which stays when the request is removed; null for a job's chunk.</summary>
    public Digest? Hash { get; init; }

    /// <summary>Part of the key of the chunk's <see cref="MongoReferences"/>; null for a request, and once the chunk is done.</summary>
    public ObjectId? Plan { get; init; }

    /// <summary>Counts of the chunk's items, once they are stored.</summary>
    public JobProgress? Sum { get; init; }

    /// <summary>Returns the filter for the chunks of a job or request.</summary>
    public static FilterDefinition<MongoChunk> In(Guid owner) => new BsonDocument("_id", MongoKeys.InJob(owner));

    /// <summary>Returns the numbers of the images: consecutive ones in a job, those of the message in a request.</summary>
    public IEnumerable<int> Numbers() =>
        Request is null ? Enumerable.Range(First, Count) : Request.References.Select(reference => reference.Number);

    /// <param name="references">References of a job's chunk. A request has its own.</param>
    public Chunk ToChunk(IReadOnlyList<ImageReference>? references = null, IReadOnlyDictionary<int, int>? isolated = null) =>
        new()
        {
            Owner = Id.Job,
            Number = Id.N,
            Generation = Generation,
            Count = Count,
            References = Request?.References ?? references ?? [],
            Request = Request,
            State = Ended.Contains(State) ? ChunkState.Done : State,
            PublishCount = PublishCount,
            Attempts = Attempts,
            Crashes = Crashes,
            CrashNote = Note,
            Faults = Faults,
            Worker = Worker,
            Until = Until,
            Published = Published,
            Leased = Leased,
            Done = Done,
            Sum = Sum,
            Isolated = isolated ?? new Dictionary<int, int>(),
        };
}

/// <summary>
/// References of a job's chunk. Each step rewrites the document of the chunk, so these tens of kilobytes that never change are not in
/// it.
/// </summary>
internal sealed record MongoReferences
{
    public required MongoReferencesKey Id { get; init; }
    public required IReadOnlyList<ImageReference> Refs { get; init; }

    /// <summary>Returns the filter for the references of the chunks.</summary>
    public static FilterDefinition<MongoReferences> Of(IEnumerable<MongoChunk> chunks) =>
        Builders<MongoReferences>.Filter.In(references => references.Id, chunks.Select(MongoReferencesKey.Of).OfType<MongoReferencesKey>());
}

/// <summary>
/// Key of references: the chunk, and the call that planned it. Two planners may write the same number; <see cref="MongoChunk.Plan"/>
/// says whose references are the chunk's.
/// </summary>
internal sealed record MongoReferencesKey
{
    public Guid Job { get; init; }
    public int N { get; init; }
    public ObjectId Plan { get; init; }

    public static MongoReferencesKey? Of(MongoChunk chunk) =>
        chunk.Plan is { } plan
            ? new MongoReferencesKey
            {
                Job = chunk.Id.Job,
                N = chunk.Id.N,
                Plan = plan,
            }
            : null;
}
