using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Every index of every collection, by name.</summary>
internal static class MongoIndexes
{
    /// <summary>The keys of <see cref="ItemIndex.All"/>: the filters, the sort, then what breaks ties.</summary>
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

    /// <summary>Within a job its number; across jobs the whole key.</summary>
    public static string TieField(ItemIndex index) =>
        index.Filters.HasFlag(ItemFilters.Job) && index != ItemIndex.Primary ? "_id.n" : "_id";

    public static readonly BsonDocument Source = new("source", 1);

    public static Task CreateItemIndexesAsync(IMongoCollection<RawBsonDocument> items, CancellationToken cancellationToken) =>
        CreateAsync(
            items,
            cancellationToken,
            [
                .. ItemIndex.All.Where(index => index != ItemIndex.Primary).Select(index => (index.Name, Keys(index))),
                ("item_source", Source),
            ]
        );

    public static async Task CreateAsync(MongoDatabase database, CancellationToken cancellationToken)
    {
        await CreateItemIndexesAsync(database.Items, cancellationToken);
        await CreateAsync(
            database.Jobs,
            cancellationToken,
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
            ("job_state", new BsonDocument { { "state", 1 } }),
            ("job_finished", new BsonDocument { { "finished", 1 }, { "_id", 1 } }),
            ("job_pending_notification", new BsonDocument { { "pending_notification", 1 } })
        );
        await CreateAsync(
            database.Chunks,
            cancellationToken,
            (
                "chunk_job_state",
                new BsonDocument
                {
                    { "_id.job", 1 },
                    { "state", 1 },
                    { "_id.n", 1 },
                }
            ),
            ("chunk_state_until", new BsonDocument { { "state", 1 }, { "until", 1 } }),
            ("chunk_direct_done", new BsonDocument { { "direct", 1 }, { "done", 1 } })
        );
        // The first of GridFS's own two is created here as well, since not every server can add it to a collection that is already there.
        await CreateAsync(
            database.Database.GetCollection<BsonDocument>("uploads.files"),
            cancellationToken,
            ("upload_created", new BsonDocument { { "metadata.created", 1 } }),
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
