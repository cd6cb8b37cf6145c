namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>How far a write has come when it is reported as written.</summary>
public enum SqliteDurability
{
    /// <summary>On the disk: survives a power failure. One fsync for each batch of writes.</summary>
    Disk,

    /// <summary>
    /// With the operating system: survives kill -9 of the process, not a power failure, which then takes back the last writes (the file
    /// stays sound).
    /// </summary>
    Process,
}

public sealed record SqliteOptions
{
    /// <summary>The database file; it is created, with its folder, when it is missing.</summary>
    public required string Path { get; init; }

    /// <summary>Default <see cref="SqliteDurability.Disk"/>: what has been accepted is never lost.</summary>
    public SqliteDurability Durability { get; init; } = SqliteDurability.Disk;

    /// <summary>Connections that read at the same time. Default 8.</summary>
    public int Readers { get; init; } = 8;

    /// <summary>How long to wait for another process that is writing. Default 10 seconds.</summary>
    public int BusySeconds { get; init; } = 10;

    /// <summary>
    /// How many rows the small level of an index keeps; see <see cref="SqliteFolding"/>. Between 20,000 and 50,000 the cost of a
    /// million items changes little.
    /// </summary>
    internal int RecentRows { get; init; } = 32_768;

    /// <summary>Bytes of the file that each connection maps into memory. docs/performance.md compares sizes.</summary>
    internal long MappedBytes { get; init; } = 64L << 20;
}
