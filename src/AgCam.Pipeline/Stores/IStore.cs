namespace AgCam.Pipeline.Stores;

/// <summary>
/// Where results rest. Every method is safe to call from many threads and, unless it says otherwise, from many processes at once.
/// </summary>
/// <remarks>
/// <para>The promise the contract is built for: when a method that writes returns, what it wrote survives kill -9 of any process, a
/// restart of the
/// store, and a power failure of one machine. What was accepted ends in exactly one stored record.</para>
/// <para>No method needs a transaction over several documents: where one call makes several writes, their order is part of the
/// contract, and
/// <see cref="RepairAsync"/> finishes what a crash left between two of them.</para>
/// <para>Times are UTC in whole milliseconds, from the store's <see cref="TimeProvider"/>.</para>
/// <para>Errors: <see cref="ArgumentException"/> and <see cref="StoreQueryException"/> are the caller's;
/// <see cref="StoreUnavailableException"/> may be tried again, and every
/// method is idempotent so that trying again is safe; <see cref="StoreSchemaException"/> is the operator's.</para>
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

    /// <summary>
    /// Checks that the database can do what the store needs, and that what is in it is a store's or nothing. Call once before
    /// anything else; leaves nothing behind.
    /// </summary>
    /// <exception cref="StoreSchemaException">The database is too old, lacks a feature, or holds something else.</exception>
    Task ProbeAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Creates what is missing (tables, indexes) and brings an older schema up to <see cref="StoreSchema.Version"/>. Call once after
    /// <see cref="ProbeAsync"/>; calling again changes nothing.
    /// </summary>
    /// <exception cref="StoreSchemaException">The store is of a newer version, or from before the first release.</exception>
    Task MigrateAsync(CancellationToken cancellationToken = default);

    /// <summary>The schema version found in the store; 0 for an empty one.</summary>
    /// <exception cref="StoreSchemaException">The store was written before the first release, or by another program.</exception>
    Task<int> SchemaVersionAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Finishes what a crash left half done: chunks whose items are stored but not counted, jobs whose last chunk is done but that are
    /// not completed,
    /// deletions that were begun. Any process may call it at any time, as often as it likes.
    /// </summary>
    Task<RepairReport> RepairAsync(CancellationToken cancellationToken = default);

    /// <summary>How much is still to be done; a few indexed queries, whatever the backlog's size.</summary>
    Task<Backlog> BacklogAsync(CancellationToken cancellationToken = default);

    /// <summary>Returns how much room the store takes, and how much is left, from the database's own counts.</summary>
    Task<StoreSize> SizeAsync(CancellationToken cancellationToken = default);
}

/// <param name="Bytes">Bytes of data and indexes. Room that deletions have freed for new data does not count in SQLite.</param>
/// <param name="FreeBytes">Bytes that the store can still grow by: free space of its disk. Null where the server does not say.</param>
public sealed record StoreSize(long Bytes, long? FreeBytes);

/// <summary>What <see cref="IStore.RepairAsync"/> found and finished.</summary>
public sealed record RepairReport(int ChunksCounted, int JobsCompleted, int JobsDeleted);

public static class StoreSchema
{
    /// <summary>The first release's version plus one for each migration. Both stores have the same number of migrations.</summary>
    public const int Version = 1;

    /// <exception cref="StoreSchemaException">The store is newer than this program.</exception>
    public static void ThrowIfNewer(string where, int found, int known = Version)
    {
        if (found > known)
            throw new StoreSchemaException(
                $"{where} has schema version {found}; this program knows {known}. Run a newer agcam, or point it at another store."
            );
    }

    /// <exception cref="StoreSchemaException">The store is older than this program, which may not bring it up to date itself.</exception>
    public static void ThrowIfOlder(string where, int found)
    {
        if (found < Version)
            throw new StoreSchemaException(
                $"{where} has schema version {found}; this program needs {Version} and may not change it (Pipeline:MigrateStore "
                    + $"is false). Run `agcam store migrate` as a user who may create collections and indexes."
            );
    }

    /// <summary>For a store whose marker is of the form that was used before the first release.</summary>
    public static StoreSchemaException BeforeRelease(string where, int found) =>
        new(
            $"{where} was written before the first release of agcam (old schema version {found}). No release reads it. It was not changed. "
                + "Point Pipeline:Store at a new file or database, and submit the jobs again."
        );
}

/// <summary>The store cannot be used by this program as it is; the operator must act.</summary>
public sealed class StoreSchemaException(string message) : Exception(message);

/// <summary>The store does not answer, or not in time. Try again later.</summary>
public sealed class StoreUnavailableException(string message, Exception inner) : Exception(message, inner);

/// <summary>
/// The question cannot be asked: no index serves it, or its cursor is not one of this store's. The message names what is allowed.
/// </summary>
public class StoreQueryException(string message) : Exception(message);

/// <summary>The cursor is not one of the list that is asked for.</summary>
public sealed class CursorException(string message) : StoreQueryException(message);
