using AgCam.Pipeline.Stores.Documents;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Store in one SQLite file, for a pipeline on one machine. Several processes may use it, but only one of them writes at a time.
/// </summary>
public sealed class SqliteStore : IStore
{
    private readonly SqliteDatabase _database;
    private readonly SqliteDeletion _deletion;
    private readonly IReadOnlyList<string> _migrations;
    private readonly TimeProvider _clock;

    public SqliteStore(SqliteOptions options, TimeProvider? clock = null)
        : this(options, clock, SqliteSchema.Migrations) { }

    /// <param name="migrations">See <see cref="SqliteSchema.Migrations"/>. Tests pass their own.</param>
    internal SqliteStore(SqliteOptions options, TimeProvider? clock, IReadOnlyList<string> migrations)
    {
        _migrations = migrations;
        clock ??= TimeProvider.System;
        _clock = clock;
        Bson.Register();
        _database = new SqliteDatabase(options, KnownVersion);
        _deletion = new SqliteDeletion(_database, clock);
        Explanations = new SqliteExplanations(_database, clock);
        Items = new SqliteItems(_database, clock);
        Jobs = new SqliteJobs(_database, _deletion, clock);
        Chunks = new SqliteChunks(_database, _deletion, clock);
        Uploads = new SqliteUploads(_database, clock);
        Provenances = new SqliteProvenances(_database);
        Rows = new SqliteChunkRows(_database);
        Audits = new SqliteAudits(_database, clock);
    }

    public string Kind => "SQLite";

    public IExplanations Explanations { get; }

    public IItems Items { get; }

    public IJobs Jobs { get; }

    public IChunks Chunks { get; }

    public IUploads Uploads { get; }

    public IProvenances Provenances { get; }

    public IRows Rows { get; }

    public IAudits Audits { get; }

    internal SqliteDatabase Database => _database;

    internal IStoreRecords Records => field ??= new SqliteRecords(_database, _clock);

    public Task ProbeAsync(CancellationToken cancellationToken = default) =>
        _database.ReadAsync(
            session =>
            {
                var journal = session.First("PRAGMA journal_mode", row => row.GetString(0));
                if (journal != "wal")
                    throw new StoreSchemaException(
                        $"{_database.File} cannot hold a store: SQLite keeps no write-ahead log there (journal_mode is {journal}). "
                            + "Name a file on a local disk."
                    );
                return Version(session);
            },
            cancellationToken
        );

    /// <inheritdoc/>
    /// <remarks>All statements are one transaction, so a migration that fails changes nothing.</remarks>
    public async Task MigrateAsync(CancellationToken cancellationToken = default) =>
        await _database.WriteAsync(
            session =>
            {
                var found = Version(session);
                StoreSchema.ThrowIfNewer(_database.File, found, KnownVersion);
                if (found == 0)
                    session.Execute(SqliteSchema.Tables);
                else
                    foreach (var migration in _migrations.Skip(found - 1))
                        session.Execute(migration);
                session.Execute($"PRAGMA application_id = {SqliteSchema.ApplicationId}; PRAGMA user_version = {KnownVersion}");
                return found;
            },
            cancellationToken
        );

    public Task<int> SchemaVersionAsync(CancellationToken cancellationToken = default) => _database.ReadAsync(Version, cancellationToken);

    /// <summary>Finishes interrupted deletions. Every other call is one transaction, which a crash rolls back.</summary>
    public async Task<RepairReport> RepairAsync(CancellationToken cancellationToken = default) =>
        new(ChunksCounted: 0, JobsCompleted: 0, JobsDeleted: await _deletion.ResumeAsync(cancellationToken));

    public Task<Backlog> BacklogAsync(CancellationToken cancellationToken = default) =>
        _database.ReadAsync(SqliteBacklog.Of, cancellationToken);

    public Task<StoreSize> SizeAsync(CancellationToken cancellationToken = default) =>
        _database.ReadAsync(
            session =>
            {
                long Pragma(string name) => session.Number($"PRAGMA {name}")!.Value;
                var unused = Pragma("freelist_count") * Pragma("page_size");
                var disk = new DriveInfo(Path.GetFullPath(_database.File));
                return new StoreSize(Pragma("page_count") * Pragma("page_size") - unused, disk.AvailableFreeSpace + unused);
            },
            cancellationToken
        );

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    /// <summary>Version that this program writes.</summary>
    private int KnownVersion => 1 + _migrations.Count;

    private int Version(SqliteSession session)
    {
        var (application, version) = (session.Number("PRAGMA application_id"), (int)session.Number("PRAGMA user_version")!.Value);
        if (application == SqliteSchema.ApplicationId)
            return version;
        if (application == 0 && version > 0)
            throw StoreSchema.BeforeRelease(_database.File, version);
        if (application != 0 || session.Number("SELECT 1 FROM sqlite_schema LIMIT 1") is not null)
            throw new StoreSchemaException($"{_database.File} is a database of another program. Point Pipeline:Store at a new file.");
        return 0;
    }
}
