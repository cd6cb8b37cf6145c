using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>Copies a store's file while processes use it, with SQLite's online backup.</summary>
public static class SqliteBackup
{
    /// <summary>Writes a copy as of one point in time. Readers and writers of the store continue meanwhile.</summary>
    /// <param name="path">Path of the store.</param>
    /// <param name="target">Path of a new file. It appears when the copy is complete.</param>
    /// <exception cref="ArgumentException">There is no such store, or the target exists.</exception>
    /// <exception cref="StoreUnavailableException">The copy could not be written.</exception>
    public static async Task WriteAsync(string path, string target, CancellationToken cancellationToken = default)
    {
        if (!File.Exists(path))
            throw new ArgumentException($"{path} does not exist. Name the SQLite file that processes use as their store.", nameof(path));
        if (File.Exists(target))
            throw new ArgumentException($"{target} exists. Name a new file.", nameof(target));
        var partial = $"{target}.partial";
        try
        {
            File.Delete(partial);
            await Task.Run(() => Copy(path, partial), cancellationToken);
            File.Move(partial, target);
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            File.Delete(partial);
            throw new StoreUnavailableException($"The backup of {path} to {target} could not be written: {e.Message}", e);
        }
    }

    private static void Copy(string path, string target)
    {
        using var store = Open(path, SqliteOpenMode.ReadWrite);
        using var copy = Open(target, SqliteOpenMode.ReadWriteCreate);
        store.BackupDatabase(copy);
        // This merges the write-ahead log into the file, so that the copy is one file, and syncs it to the disk.
        using var checkpoint = copy.CreateCommand();
        checkpoint.CommandText = "PRAGMA journal_mode = DELETE";
        checkpoint.ExecuteNonQuery();
    }

    private static SqliteConnection Open(string path, SqliteOpenMode mode)
    {
        var connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            Pooling = false,
        };
        var connection = new SqliteConnection(connectionString.ToString());
        connection.Open();
        return connection;
    }
}
