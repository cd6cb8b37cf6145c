namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>Says what a completed write survives.</summary>
public enum SqliteDurability
{
    /// <summary>The write is on the disk and survives a power failure. Each batch of writes costs one fsync.</summary>
    Disk,

    /// <summary>
    /// The operating system has the write. It survives kill -9 of the process. A power failure loses the last writes, but the file
    /// stays consistent.
    /// </summary>
    Process,
}

public sealed record SqliteOptions
{
    /// <summary>Path of the database file. A missing file is created, with its folder.</summary>
    public required string Path { get; init; }

    /// <summary>Failure that a completed write survives. Default <see cref="SqliteDurability.Disk"/>.</summary>
    public SqliteDurability Durability { get; init; } = SqliteDurability.Disk;

    /// <summary>Maximum number of connections that read at the same time. Default 8.</summary>
    public int Readers { get; init; } = 8;

    /// <summary>Seconds to wait for the write lock of another process. Default 10.</summary>
    public int BusySeconds { get; init; } = 10;

    /// <summary>
    /// Number of rows that the small table of an index keeps, see <see cref="SqliteIndexMerge"/>. Between 20,000 and 50,000 the cost
    /// of a million items changes little.
    /// </summary>
    internal int RecentRows { get; init; } = 32_768;

    /// <summary>Bytes of the file that each connection maps into memory. docs/performance.md compares sizes.</summary>
    internal long MappedBytes { get; init; } = 64L << 20;
}
