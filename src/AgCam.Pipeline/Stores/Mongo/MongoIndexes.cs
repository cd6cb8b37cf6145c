using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Defines and creates the indexes of all collections.</summary>
internal static class MongoIndexes
{
    /// <summary>Returns the keys of an index: its filters, its sort field and the field that breaks ties.</summary>
    public static BsonDocument Keys(ItemIndex index)
    {
        var keys = new BsonDocument();
        void Add(ItemFilters filter, string field)
        {
            if (index.Filters.HasFlag(filter))
                keys.Add(field, 1);
        }

        Add(ItemFilters.Job, "_id.job");
        Add(ItemFilters.Status, "status");
        Add(ItemFilters.Model, "model");
        Add(ItemFilters.Label, "label");
        Add(ItemFilters.LabelClass, "label_class");
        Add(ItemFilters.Predicted, "predicted");
        Add(ItemFilters.Correct, "correct");
        Add(ItemFilters.Explanation, "explanation");
        if (SortField(index) is { } sort)
            keys.Add(sort, 1);
        keys.Add(TieField(index), 1);
        return keys;
    }

    public static string? SortField(ItemIndex index) =>
        index.Sort switch
        {
            ItemSort.Probability => "probability",
            ItemSort.LabelProbability => "label_probability",
            ItemSort.Time => "time",
            _ => null,
        };

    /// <summary>Returns the field that breaks ties: the number within a job, the whole key across jobs.</summary>
    public static string TieField(ItemIndex index) =>
        index.Filters.HasFlag(ItemFilters.Job) && index != ItemIndex.Primary ? "_id.n" : "_id";

    /// <summary>Index of sources, which finds images that were read before.</summary>
    public static readonly BsonDocument Source = new("source", 1);

    public static readonly IReadOnlyList<(string Name, BsonDocument Keys)> Jobs =
    [
        // For the lists of jobs: all, those with a tag, and those of an owner.
        ("job_created", new BsonDocument { { "created", -1 }, { "_id", -1 } }),
        (
            "job_tag",
            new BsonDocument
            {
                { "spec.tags", 1 },
                { "created", -1 },
                { "_id", -1 },
            }
        ),
        (
            "job_owner",
            new BsonDocument
            {
                { "spec.owner", 1 },
                { "created", -1 },
                { "_id", -1 },
            }
        ),
        // For planners and the backlog.
        ("job_state", new BsonDocument("state", 1)),
        // For retention.
        ("job_finished", new BsonDocument { { "finished", 1 }, { "_id", 1 } }),
        // For auditors.
        ("job_audit_pending", new BsonDocument("auditPending", 1)),
        // For notifiers.
        ("job_pending_notification", new BsonDocument("pendingNotification", 1)),
    ];

    public static readonly IReadOnlyList<(string Name, BsonDocument Keys)> Chunks =
    [
        // For publishers: planned chunks in order, and the number of published and leased ones.
        (
            "chunk_job_state",
            new BsonDocument
            {
                { "_id.job", 1 },
                { "state", 1 },
                { "_id.n", 1 },
            }
        ),
        // For the sweeper.
        ("chunk_state_until", new BsonDocument { { "state", 1 }, { "until", 1 } }),
        // For retention and the backlog of requests.
        ("chunk_direct_done", new BsonDocument { { "direct", 1 }, { "done", 1 } }),
    ];

    public static readonly IReadOnlyList<(string Name, BsonDocument Keys)> Findings =
    [
        ("finding_number", OfJob()),
        ("finding_name", OfJob("finding")),
        ("finding_class", OfJob("class")),
        ("finding_name_class", OfJob("finding", "class")),
        ("finding_image", OfJob("image")),
    ];

    private static BsonDocument OfJob(params IEnumerable<string> filters)
    {
        var keys = new BsonDocument("_id.job", 1);
        foreach (var filter in filters)
            keys.Add(filter, 1);
        return keys.Add("_id.n", 1);
    }

    public static async Task CreateAsync(MongoDatabase database, CancellationToken cancellationToken)
    {
        await CreateAsync(
            database.Items,
            cancellationToken,
            [
                .. ItemIndex.All.Where(index => index != ItemIndex.Primary).Select(index => (index.Name, Keys(index))),
                ("item_source", Source),
            ]
        );
        await CreateAsync(database.Jobs, cancellationToken, [.. Jobs]);
        await CreateAsync(database.Chunks, cancellationToken, [.. Chunks]);
        await CreateAsync(database.Findings, cancellationToken, [.. Findings]);
        // The second is GridFS's own. It is created here, because not every server can add an index to an existing collection.
        await CreateAsync(
            database.Database.GetCollection<BsonDocument>("uploads.files"),
            cancellationToken,
            ("upload_created", new BsonDocument("metadata.created", 1)),
            ("filename_1_uploadDate_1", new BsonDocument { { "filename", 1 }, { "uploadDate", 1 } })
        );
    }

    private static Task CreateAsync<T>(
        IMongoCollection<T> collection,
        CancellationToken cancellationToken,
        params (string Name, BsonDocument Keys)[] indexes
    ) =>
        collection.Indexes.CreateManyAsync(
            indexes.Select(index => new CreateIndexModel<T>(index.Keys, new CreateIndexOptions { Name = index.Name })),
            cancellationToken
        );
}
