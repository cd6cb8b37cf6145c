using System.Diagnostics;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Migrates documents from one version to the next. It may be interrupted at any point and repeated, and several processes may run it.
/// </summary>
internal delegate Task MongoMigration(MongoDatabase database, CancellationToken cancellationToken);

/// <summary>Reads and writes the schema version of the database, and runs migrations.</summary>
internal sealed class MongoSchema(MongoDatabase database, IReadOnlyList<MongoMigration> migrations)
{
    /// <summary>Migrations for the versions after the first. Entry i migrates version i + 1 to version i + 2.</summary>
    public static readonly IReadOnlyList<MongoMigration> Migrations = [];

    /// <summary>
    /// Fields of the marker: the version of the processes that may write, and during a migration the version of the documents.
    /// </summary>
    private const string Version = "version",
        From = "from";

    /// <summary>Time for which a process may rely on the version that it has read.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromMilliseconds(250);

    private static readonly BsonDocument Marker = new("_id", "store");

    /// <summary>Marker of a database from before the first release.</summary>
    private static readonly BsonDocument MarkerBeforeRelease = new("_id", "schema");

    private long _checked;

    /// <summary>Version that this program writes.</summary>
    private int Known => 1 + migrations.Count;

    private string Where => $"The database {database.Database.DatabaseNamespace}";

    /// <returns>The version of the documents: 0 for an empty database, the old version after an interrupted migration.</returns>
    public async Task<int> VersionAsync(CancellationToken cancellationToken)
    {
        var marker = await FindAsync(cancellationToken);
        return marker is null ? 0 : marker.GetValue(From, marker[Version]).ToInt32();
    }

    /// <summary>Stops this process once a newer one has migrated. Reads the version at most every 0.25 s.</summary>
    /// <exception cref="StoreSchemaException">The database is newer than this program.</exception>
    public async Task ThrowIfNewerAsync(CancellationToken cancellationToken)
    {
        var last = Volatile.Read(ref _checked);
        if (last != 0 && Stopwatch.GetElapsedTime(last) < MaxAge)
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
            await Task.Delay(2 * MaxAge, cancellationToken); // until every older process has read the new version
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
                $"{Where} does not say which schema version it has: its marker in meta has none. "
                    + "Restore the collection meta, or name another database."
            );
        return marker;
    }

    private Task MarkAsync(BsonDocument update, CancellationToken cancellationToken) =>
        database.Meta.UpdateOneAsync(Marker, update, new UpdateOptions { IsUpsert = true }, cancellationToken);
}
