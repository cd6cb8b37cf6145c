namespace AgCam.Pipeline.Stores;

/// <summary>
/// Stores jobs, chunks, explanations and items. Unless it says otherwise, every method may be called from many threads and processes
/// at once.
/// </summary>
/// <remarks>
/// <para>When a method that writes returns, its writes survive kill -9 of any process, a restart of the store, and a power failure of
/// one machine. Every accepted image ends in exactly one stored record.</para>
/// <para>No method needs a transaction over several documents. Where a call writes several, their order is part of the contract, and
/// <see cref="RepairAsync"/> finishes what a crash interrupted.</para>
/// <para>Times are UTC in whole milliseconds, from the store's <see cref="TimeProvider"/>.</para>
/// <para>The caller must mend an <see cref="ArgumentException"/> or <see cref="StoreQueryException"/>, the operator a
/// <see cref="StoreSchemaException"/>. A <see cref="StoreUnavailableException"/> may be retried, because every method is idempotent.</para>
/// </remarks>
public interface IStore : IAsyncDisposable
{
    /// <summary>SQLite or MongoDB.</summary>
    string Kind { get; }

    IExplanations Explanations { get; }

    IItems Items { get; }

    IJobs Jobs { get; }

    IChunks Chunks { get; }

    IUploads Uploads { get; }

    IProvenances Provenances { get; }

    IRows Rows { get; }

    IAudits Audits { get; }

    /// <summary>
    /// Checks that the database has the features that the store needs, and that it is empty or holds a store. Call it before
    /// anything else. It leaves nothing behind.
    /// </summary>
    /// <exception cref="StoreSchemaException">The database is too old, lacks a feature, or holds something else.</exception>
    Task ProbeAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Creates missing tables and indexes, and migrates an older schema to <see cref="StoreSchema.Version"/>. Call it once
    /// after <see cref="ProbeAsync"/>. A second call changes nothing.
    /// </summary>
    /// <exception cref="StoreSchemaException">The store has a newer version, or was written before the first release.</exception>
    Task MigrateAsync(CancellationToken cancellationToken = default);

    /// <summary>Returns the store's schema version; 0 for an empty database.</summary>
    /// <exception cref="StoreSchemaException">The store was written before the first release, or by another program.</exception>
    Task<int> SchemaVersionAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Finishes what a crash interrupted: chunks with stored items that are not counted, jobs with all chunks done that are not
    /// completed, and deletions. Any process may call it at any time.
    /// </summary>
    Task<RepairReport> RepairAsync(CancellationToken cancellationToken = default);

    /// <summary>Returns the number of images without a record, by a few indexed queries whose cost does not depend on it.</summary>
    Task<Backlog> BacklogAsync(CancellationToken cancellationToken = default);

    /// <summary>Returns the size of the store and the space left, as the database reports them.</summary>
    Task<StoreSize> SizeAsync(CancellationToken cancellationToken = default);
}

/// <param name="Bytes">Bytes of data and indexes. SQLite's free pages do not count.</param>
/// <param name="FreeBytes">Free bytes on the store's disk; null where the server does not report them.</param>
public sealed record StoreSize(long Bytes, long? FreeBytes);

/// <summary>Counts what <see cref="IStore.RepairAsync"/> finished.</summary>
public sealed record RepairReport(int ChunksCounted, int JobsCompleted, int JobsDeleted);

public static class StoreSchema
{
    /// <summary>Version of the first release plus one per migration. Both stores have the same number of migrations.</summary>
    public const int Version = 1;

    /// <exception cref="StoreSchemaException">The store is newer than this program.</exception>
    public static void ThrowIfNewer(string where, int found, int known = Version)
    {
        if (found > known)
            throw new StoreSchemaException(
                $"{where} has schema version {found}; this program knows {known}. Run a newer agcam, or point it at another store."
            );
    }

    /// <exception cref="StoreSchemaException">The store is older than this program, which may not migrate it itself.</exception>
    public static void ThrowIfOlder(string where, int found)
    {
        if (found < Version)
            throw new StoreSchemaException(
                $"{where} has schema version {found}; this program needs {Version} and may not change it (Pipeline:MigrateStore "
                    + $"is false). Run `agcam store migrate` as a user who may create collections and indexes."
            );
    }

    /// <summary>Returns the error for a store that was written before the first release.</summary>
    public static StoreSchemaException BeforeRelease(string where, int found) =>
        new(
            $"{where} was written before the first release of agcam (old schema version {found}). No release reads it. It was not changed. "
                + "Point Pipeline:Store at a new file or database, and submit the jobs again."
        );
}

/// <summary>This program cannot use the store as it is. The operator must act.</summary>
public sealed class StoreSchemaException(string message) : Exception(message);

/// <summary>The store does not answer in time. The call may be retried.</summary>
public sealed class StoreUnavailableException(string message, Exception inner) : Exception(message, inner);

/// <summary>
/// No index serves the query, its limit is out of range, or its cursor belongs to another query. The message says what is allowed.
/// </summary>
public class StoreQueryException(string message) : Exception(message);

/// <summary>The cursor does not belong to the requested list.</summary>
public sealed class CursorException(string message) : StoreQueryException(message);
