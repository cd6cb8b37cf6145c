using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>The key of what belongs to a job or request and has a number there. As a document it sorts by job, then number.</summary>
internal sealed record MongoKey
{
    public Guid Job { get; init; }

    public int N { get; init; }
}

/// <summary>See <see cref="Claim"/>.</summary>
internal sealed record MongoClaim
{
    public Guid Id { get; init; }
    public ClaimKind Kind { get; init; }
    public Digest? Hash { get; init; }
    public string? Owner { get; init; }
}

internal sealed record MongoJob
{
    public Guid Id { get; init; }
    public required JobSpec Spec { get; init; }
    public Digest Hash { get; init; }
    public DateTimeOffset Created { get; init; }

    public long Generation { get; init; }

    public JobState State { get; init; }
    public string? Reason { get; init; }
    public string? Planner { get; init; }
    public DateTimeOffset? PlannerUntil { get; init; }
    public int? Images { get; init; }
    public int? Chunks { get; init; }
    public DateTimeOffset? Finished { get; init; }

    /// <summary>Set once the failures among its first images have been judged.</summary>
    public bool? FailureRateChecked { get; init; }

    /// <summary>There from the completion until it has been told.</summary>
    public bool? PendingNotification { get; init; }

    /// <summary>Set on a job that runs again after its completion was published: its second completion is not published.</summary>
    public bool? Notified { get; init; }

    /// <summary>Process that leases the notification of its completion.</summary>
    public string? Notifier { get; init; }

    /// <summary>When that lease expires.</summary>
    public DateTimeOffset? NotifierUntil { get; init; }

    /// <summary>Set once the event is on the bus.</summary>
    public bool? EventPublished { get; init; }

    /// <summary>
    /// Spelt out, as is whatever is asked for each chunk: the driver translates an expression anew each time, which takes longer than
    /// the call.
    /// </summary>
    public static FilterDefinition<MongoJob> Is(Guid id) => new BsonDocument("_id", MongoRaw.Id(id));

    public static readonly BsonDocument OnlyState = new() { { "state", 1 }, { "_id", 0 } };

    public Job ToJob(JobProgress progress) =>
        new()
        {
            Id = Id,
            Spec = Spec,
            Generation = Generation,
            Created = Created,
            State = State,
            Reason = Reason,
            Images = Images,
            Chunks = Chunks,
            Progress = progress,
            Finished = Finished,
            EventPublished = EventPublished ?? false,
        };
}

internal sealed record MongoChunk
{
    public required MongoKey Id { get; init; }

    /// <summary>As of <see cref="MongoJob"/>.</summary>
    public long Generation { get; init; }

    /// <summary>Set for a request without a job.</summary>
    public bool? Direct { get; init; }

    public ChunkState State { get; init; }
    public int First { get; init; }
    public int Count { get; init; }
    public string? Last { get; init; }
    public int PublishCount { get; init; }
    public int Attempts { get; init; }
    public int Crashes { get; init; }

    /// <summary>Set once an image of it has been begun alone: then there may be notes to read and to delete.</summary>
    public bool? HasIsolated { get; init; }

    public string? Note { get; init; }
    public int Faults { get; init; }
    public string? Worker { get; init; }
    public DateTimeOffset? Until { get; init; }
    public DateTimeOffset? Published { get; init; }

    /// <summary>The call that took it last from among the planned.</summary>
    public ObjectId? Claim { get; init; }

    public DateTimeOffset? Leased { get; init; }
    public DateTimeOffset? Done { get; init; }
    public ExplainImages? Request { get; init; }

    /// <summary>Of the request, which is kept no longer than until it is done; null of a job's chunk.</summary>
    public Digest? Hash { get; init; }

    /// <summary>
    /// Which document of <see cref="MongoReferences"/> is this chunk's; null of a request, and once its items are stored.
    /// </summary>
    public ObjectId? Plan { get; init; }

    /// <summary>The chunk's own numbers, from when its items are stored.</summary>
    public JobProgress? Sum { get; init; }

    /// <summary>Its items are stored.</summary>
    public static readonly ChunkState[] Ended = [ChunkState.Saved, ChunkState.Done];

    /// <summary>The images' numbers: a job's follow each other, a request's are its own.</summary>
    public IEnumerable<int> Numbers() =>
        Request is null ? Enumerable.Range(First, Count) : Request.References.Select(reference => reference.Number);

    /// <param name="references">Those of a job's chunk; a request has its own.</param>
    public Chunk ToChunk(IReadOnlyList<ImageReference>? references = null, IReadOnlyDictionary<int, int>? alone = null) =>
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
            Isolated = alone ?? new Dictionary<int, int>(),
        };
}

/// <summary>
/// What a job's chunk is to compute, apart from the chunk: every step of a chunk rewrites its document, and these are its tens of
/// kilobytes that never change.
/// </summary>
internal sealed record MongoReferences
{
    public required MongoReferencesKey Id { get; init; }
    public required IReadOnlyList<ImageReference> Refs { get; init; }
}

/// <summary>The chunk, and the call that wrote it: two planners may write the same number, and the chunk says whose became it.</summary>
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

/// <summary>
/// 512 chunks of a job: which are counted, and their sums. One document, so that counting a chunk and remembering that it is counted
/// are one write.
/// </summary>
internal sealed record MongoLedgerPage
{
    /// <summary>The job and the page's number.</summary>
    public required MongoKey Id { get; init; }

    /// <summary>The job's.</summary>
    public long Generation { get; init; }

    public IReadOnlyList<int>? Counted { get; init; }
    public int ChunksDone { get; init; }

    /// <summary>How many chunks it has, of the last page of a planned job; the others have all that fit.</summary>
    public int? Of { get; init; }

    public int Completed { get; init; }
    public int Failed { get; init; }
    public int Correct { get; init; }
    public int Labelled { get; init; }

    public JobProgress Progress =>
        new()
        {
            ChunksDone = ChunksDone,
            Completed = Completed,
            Failed = Failed,
            Correct = Correct,
            Labelled = Labelled,
        };
}

/// <summary>An image that was begun alone.</summary>
internal sealed record MongoIsolated
{
    public required MongoIsolatedKey Id { get; init; }
    public int Starts { get; init; }
    public int Attempt { get; init; }
}

internal sealed record MongoIsolatedKey
{
    public Guid Job { get; init; }
    public int Chunk { get; init; }
    public int N { get; init; }
}

internal sealed record MongoDeleted
{
    public Guid Id { get; init; }
    public DateTimeOffset At { get; init; }
    public bool Finished { get; init; }
}

/// <summary>
/// The two kinds of document there are millions of, as raw bytes: our writer makes them and our reader reads them, with no object model
/// in between.
/// </summary>
internal static class MongoRaw
{
    private const string Ok = "ok",
        Failed = "failed";

    public static RawBsonDocument From(StoredExplanation explanation, DateTimeOffset created) =>
        Raw(writer =>
        {
            Bson.WriteDigest(writer, "_id", explanation.Id);
            ExplanationDocument.WriteFields(writer, explanation);
            writer.WriteName("created");
            writer.WriteDateTime(created.ToUnixTimeMilliseconds());
        });

    public static StoredExplanation ToExplanation(RawBsonDocument document)
    {
        var fields = new ExplanationDocument.Fields();
        Digest id = default;
        Bson.Decode(
            Bytes(document),
            (reader, field) =>
            {
                if (field == "_id")
                    id = Bson.ReadDigest(reader);
                else
                    fields.Read(reader, field);
            }
        );
        return fields.ToExplanation(id);
    }

    /// <param name="read">Whether the image was read for this item.</param>
    public static RawBsonDocument From(Item item, bool read = true) =>
        Raw(writer =>
        {
            writer.WriteName("_id");
            writer.WriteStartDocument();
            writer.WriteName("job");
            writer.WriteBinaryData(Id(item.Job));
            writer.WriteName("n");
            writer.WriteInt32(item.Number);
            writer.WriteEndDocument();
            Bson.WriteText(writer, "status", Status(item.Status));
            Bson.WriteText(writer, "model", item.Model);
            Bson.WriteText(writer, "predicted", item.Predicted);
            Bson.WriteNumber(writer, "probability", item.Probability);
            if (item.Correct is { } correct)
            {
                writer.WriteName("correct");
                writer.WriteBoolean(correct);
            }
            Bson.WriteText(writer, "label", item.Label);
            Bson.WriteText(writer, "label_class", item.LabelClass);
            Bson.WriteNumber(writer, "label_probability", item.LabelProbability);
            if (item.Explanation is { } explanation)
                Bson.WriteDigest(writer, "explanation", explanation);
            writer.WriteName("time");
            writer.WriteDateTime(item.Time.ToUnixTimeMilliseconds());
            if (read && SourceStamp.Of(item) is { } source)
            {
                writer.WriteName("source");
                writer.WriteBytes(source.Key());
            }
            ItemDocument.WriteFields(writer, item);
        });

    public static Item ToItem(RawBsonDocument document)
    {
        var fields = new ItemDocument.Fields();
        Guid job = default;
        var number = 0;
        var status = ItemStatus.Completed;
        string model = "";
        string? predicted = null,
            label = null,
            labelClass = null;
        float? probability = null,
            labelProbability = null;
        bool? correct = null;
        Digest? explanation = null;
        DateTimeOffset time = default;
        Bson.Decode(
            Bytes(document),
            (reader, field) =>
            {
                switch (field)
                {
                    case "_id":
                        Bson.ReadFields(
                            reader,
                            (key, name) =>
                            {
                                if (name == "job")
                                    job = key.ReadBinaryData().ToGuid(GuidRepresentation.Standard);
                                else
                                    number = key.ReadInt32();
                            }
                        );
                        break;
                    case "status":
                        status = reader.ReadString() == Failed ? ItemStatus.Failed : ItemStatus.Completed;
                        break;
                    case "model":
                        model = reader.ReadString();
                        break;
                    case "predicted":
                        predicted = reader.ReadString();
                        break;
                    case "probability":
                        probability = (float)reader.ReadDouble();
                        break;
                    case "correct":
                        correct = reader.ReadBoolean();
                        break;
                    case "label":
                        label = reader.ReadString();
                        break;
                    case "label_class":
                        labelClass = reader.ReadString();
                        break;
                    case "label_probability":
                        labelProbability = (float)reader.ReadDouble();
                        break;
                    case "explanation":
                        explanation = Bson.ReadDigest(reader);
                        break;
                    case "time":
                        time = DateTimeOffset.FromUnixTimeMilliseconds(reader.ReadDateTime());
                        break;
                    default:
                        fields.Read(reader, field);
                        break;
                }
            }
        );
        return fields.ToItem(job, number, status, model, time) with
        {
            Predicted = predicted,
            Probability = probability,
            Correct = correct,
            Label = label,
            LabelClass = labelClass,
            LabelProbability = labelProbability,
            Explanation = explanation,
        };
    }

    public static string Status(ItemStatus status) => status == ItemStatus.Failed ? Failed : Ok;

    public static BsonBinaryData Id(Guid id) => new(id, GuidRepresentation.Standard);

    public static BsonBinaryData Id(Digest digest) => new(digest.ToArray());

    public static BsonDocument Key(Guid job, int number) => new() { { "job", Id(job) }, { "n", number } };

    /// <summary>All keys of one job.</summary>
    public static BsonDocument KeysOf(Guid job) => new() { { "$gte", Key(job, 0) }, { "$lte", Key(job, int.MaxValue) } };

    private static RawBsonDocument Raw(Action<IBsonWriter> write) => new(Bson.Encode(write, static (writer, fields) => fields(writer)));

    private static byte[] Bytes(RawBsonDocument document)
    {
        var slice = document.Slice;
        var bytes = new byte[slice.Length];
        slice.GetBytes(0, bytes, 0, bytes.Length);
        return bytes;
    }
}
