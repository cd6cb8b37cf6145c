using System.Diagnostics;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Brings documents from one version to the next. May be interrupted at any point, run again, and run by several processes.
/// </summary>
internal delegate Task MongoMigration(MongoDatabase database, CancellationToken cancellationToken);

/// <summary>The schema's version in the database, and the migrations between versions.</summary>
internal sealed class MongoSchema(MongoDatabase database, IReadOnlyList<MongoMigration> migrations)
{
    /// <summary>Number i brings version i + 1 to version i + 2.</summary>
    public static readonly IReadOnlyList<MongoMigration> Migrations = [];

    /// <summary>The marker holds the version of who may write, and while a migration runs the version that documents still have.</summary>
    private const string Version = "version",
        From = "from";

    /// <summary>How long a process may go on by the version that it read last.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(250);

    private static readonly BsonDocument Marker = new("_id", "store");

    /// <summary>Before the first release the marker was another document.</summary>
    private static readonly BsonDocument MarkerBeforeRelease = new("_id", "schema");

    private long _checked;

    /// <summary>The version that this program writes.</summary>
    private int Known => 1 + migrations.Count;

    private string Where => $"The database {database.Database.DatabaseNamespace}";

    /// <returns>0 of an empty database; of one whose migration was interrupted, the version before it.</returns>
    public async Task<int> VersionAsync(CancellationToken cancellationToken)
    {
        var marker = await FindAsync(cancellationToken);
        return marker is null ? 0 : marker.GetValue(From, marker[Version]).ToInt32();
    }

    /// <summary>Stops an older process once a newer one has migrated. Reads the version at most four times a second.</summary>
    /// <exception cref="StoreSchemaException">The database is newer than this program.</exception>
    public async Task ThrowIfNewerAsync(CancellationToken cancellationToken)
    {
        var last = Volatile.Read(ref _checked);
        if (last != 0 && Stopwatch.GetElapsedTime(last) < Fresh)
            return;
        var readAt = Stopwatch.GetTimestamp();
        var marker = await database.Meta.Find(Marker).FirstOrDefaultAsync(cancellationToken);
        StoreSchema.ThrowIfNewer(Where, marker?[Version].ToInt32() ?? 0, Known);
        Volatile.Write(ref _checked, readAt);
    }

    public async Task MigrateAsync(CancellationToken cancellationToken)
    {
        var marker = await FindAsync(cancellationToken);
        StoreSchema.ThrowIfNewer(Where, marker?[Version].ToInt32() ?? 0, Known);
        await MongoIndexes.CreateAsync(database, cancellationToken);
        var found = marker?.GetValue(From, marker[Version]).ToInt32() ?? Known;
        var marked = new BsonDocument(Version, Known);
        if (found < Known)
            marked.Add(From, found);
        await MarkAsync(new BsonDocument("$set", marked), cancellationToken);
        if (found < Known)
            await Task.Delay(2 * Fresh, cancellationToken); // until every older process has read the new version
        foreach (var migration in migrations.Skip(found - 1))
            await migration(database, cancellationToken);
        if (found < Known)
            await MarkAsync(new BsonDocument("$unset", new BsonDocument(From, 1)), cancellationToken);
    }

    private async Task<BsonDocument?> FindAsync(CancellationToken cancellationToken)
    {
        var either = new BsonDocument("_id", new BsonDocument("$in", new BsonArray { Marker["_id"], MarkerBeforeRelease["_id"] }));
        var found = await database.Meta.Find(either).ToListAsync(cancellationToken);
        if (found.Find(item => item["_id"] == MarkerBeforeRelease["_id"]) is { } old)
            throw StoreSchema.BeforeRelease(Where, old.GetValue("version", 0).ToInt32());
        var marker = found.SingleOrDefault();
        if (marker is not null && (!marker.TryGetValue(Version, out var version) || !version.IsNumeric))
            throw new StoreSchemaException(
                $"{Where} does not say which schema version it has: its marker in meta has none. Restore it, or name another database."
            );
        return marker;
    }

    private Task MarkAsync(BsonDocument update, CancellationToken cancellationToken) =>
        database.Meta.UpdateOneAsync(Marker, update, new UpdateOptions { IsUpsert = true }, cancellationToken);
}
