using AgCam.Pipeline.Stores.Documents;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Store in MongoDB 6 or later, or in a server with its protocol. It needs no sessions and no transactions, only atomic writes of single
/// documents.
/// </summary>
public sealed class MongoStore : IStore
{
    private readonly MongoDatabase _database;
    private readonly MongoDeletion _deletion;
    private readonly MongoLedger _ledger;
    private readonly MongoSchema _schema;

    public MongoStore(MongoOptions options, TimeProvider? clock = null)
        : this(options, clock, MongoSchema.Migrations) { }

    /// <param name="migrations">See <see cref="MongoSchema.Migrations"/>. Tests pass their own.</param>
    internal MongoStore(MongoOptions options, TimeProvider? clock, IReadOnlyList<MongoMigration> migrations)
    {
        clock ??= TimeProvider.System;
        Bson.Register();
        _database = new MongoDatabase(options);
        _schema = new MongoSchema(_database, migrations);
        _deletion = new MongoDeletion(_database, clock);
        _ledger = new MongoLedger(_database, clock);
        var running = new RunningJobs();
        Explanations = new MongoExplanations(_database, clock);
        Items = new MongoItems(_database, clock);
        Jobs = new MongoJobs(_database, _deletion, _ledger, running, _schema, clock);
        Chunks = new MongoChunks(_database, _deletion, _ledger, running, _schema, clock);
        Uploads = new MongoUploads(_database, clock);
        Provenances = new MongoProvenances(_database);
        Rows = new MongoChunkRows(_database);
        Audits = new MongoAudits(_database, _ledger, clock);
    }

    public string Kind => "MongoDB";

    public IExplanations Explanations { get; }

    public IItems Items { get; }

    public IJobs Jobs { get; }

    public IChunks Chunks { get; }

    public IUploads Uploads { get; }

    public IProvenances Provenances { get; }

    public IRows Rows { get; }

    public IAudits Audits { get; }

    internal MongoDatabase Database => _database;

    internal IStoreRecords Records => field ??= new MongoRecords(_database, _deletion, _ledger);

    public Task ProbeAsync(CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            await new MongoCapabilities(_database).CheckAsync(cancellationToken);
            var isNew = await _schema.VersionAsync(cancellationToken) == 0;
            if (isNew && await _database.Jobs.Find(FilterDefinition<MongoJob>.Empty).AnyAsync(cancellationToken))
                throw new StoreSchemaException(
                    $"The database {_database.Database.DatabaseNamespace} holds jobs but no schema version. "
                        + "Restore its collection meta too, or name another database."
                );
        });

    public Task MigrateAsync(CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => _schema.MigrateAsync(cancellationToken));

    public Task<int> SchemaVersionAsync(CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => _schema.VersionAsync(cancellationToken));

    public Task<RepairReport> RepairAsync(CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
            new RepairReport(
                await _ledger.RepairAsync(cancellationToken),
                await _ledger.CompleteDoneAsync(cancellationToken),
                await _deletion.ResumeAsync(cancellationToken)
            )
        );

    public Task<Backlog> BacklogAsync(CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(() => MongoBacklog.OfAsync(_database, _ledger, cancellationToken));

    public Task<StoreSize> SizeAsync(CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var stats = await _database.Database.RunCommandAsync<BsonDocument>(new BsonDocument("dbStats", 1), null, cancellationToken);
            // Single ampersand: both values must be read, and a server may report neither, or zeros.
            var known =
                stats.TryGetValue("fsTotalSize", out var total) & stats.TryGetValue("fsUsedSize", out var used) && total.ToInt64() > 0;
            var bytes = stats["storageSize"].ToInt64() + stats["indexSize"].ToInt64();
            return new StoreSize(bytes, known ? total.ToInt64() - used.ToInt64() : null);
        });

    public ValueTask DisposeAsync()
    {
        _database.Dispose();
        return ValueTask.CompletedTask;
    }
}
