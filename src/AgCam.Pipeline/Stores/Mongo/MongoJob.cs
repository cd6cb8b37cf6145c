using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Document of a job. Its progress is in the ledger, see <see cref="MongoLedger"/>.</summary>
internal sealed record MongoJob
{
    public static readonly BsonDocument OnlyState = new() { { "state", 1 }, { "_id", 0 } };

    public Guid Id { get; init; }
    public required JobSpec Spec { get; init; }
    public Digest Hash { get; init; }
    public DateTimeOffset Created { get; init; }
    public long Generation { get; init; }
    public JobState State { get; init; }
    public string? Reason { get; init; }

    /// <summary>Process that leases the planning.</summary>
    public string? Planner { get; init; }

    /// <summary>Time at which the planner's lease expires.</summary>
    public DateTimeOffset? PlannerUntil { get; init; }

    public int? Images { get; init; }
    public int? Chunks { get; init; }
    public DateTimeOffset? Finished { get; init; }

    /// <summary>True once the failure rate of the first images has been checked.</summary>
    public bool? FailureRateChecked { get; init; }

    /// <summary>True from the completion until it has been published and delivered.</summary>
    public bool? PendingNotification { get; init; }

    /// <summary>True for a reopened job whose completion was published: its second completion is not published.</summary>
    public bool? Notified { get; init; }

    /// <summary>Process that leases the notification of the completion.</summary>
    public string? Notifier { get; init; }

    /// <summary>Time at which the notifier's lease expires.</summary>
    public DateTimeOffset? NotifierUntil { get; init; }

    /// <summary>True once the completion event is on the bus.</summary>
    public bool? EventPublished { get; init; }

    /// <summary>True from the creation of a job with an audit until the audit is finished.</summary>
    public bool? AuditPending { get; init; }

    /// <summary>Process that leases the audit.</summary>
    public string? Auditor { get; init; }

    /// <summary>Time at which the auditor's lease expires.</summary>
    public DateTimeOffset? AuditorUntil { get; init; }

    /// <summary><see cref="AuditLease.Attempt"/> of the last lease.</summary>
    public int? AuditAttempts { get; init; }

    /// <summary>See <see cref="AuditLease.Crashes"/>.</summary>
    public int? AuditCrashes { get; init; }

    /// <summary>Attempt whose report and findings are the job's; null until the audit is finished.</summary>
    public int? AuditedBy { get; init; }

    public static FilterDefinition<MongoJob> Is(Guid id) => new BsonDocument("_id", MongoKeys.Id(id));

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
