using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;
using Microsoft.Data.Sqlite;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Tests that files which cannot hold a store are refused before anything is written.</summary>
public sealed class SqliteProbeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("agcam").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_database_without_a_write_ahead_log_is_refused() =>
        Assert.Contains("journal_mode is memory", (await RefusedAsync(":memory:")).Message);

    [Fact]
    public async Task The_database_of_another_program_is_refused_and_not_changed()
    {
        var path = Path.Combine(_folder, "photos.db");
        await using (var connection = new SqliteConnection($"Data Source={path};Pooling=False"))
        {
            await connection.OpenAsync(Cancel);
            await using var command = connection.CreateCommand();
            command.CommandText = "CREATE TABLE albums (id INTEGER PRIMARY KEY)";
            await command.ExecuteNonQueryAsync(Cancel);
        }

        Assert.Contains("another program", (await RefusedAsync(path)).Message);
    }

    [Fact]
    public async Task A_file_that_is_not_a_database_is_refused()
    {
        var path = Path.Combine(_folder, "notes.txt");
        await File.WriteAllTextAsync(path, string.Concat(Enumerable.Repeat("no database at all\n", 100)), Cancel);
        Assert.Contains("is not an SQLite database", (await RefusedAsync(path)).Message);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Task<StoreSchemaException> RefusedAsync(string path) =>
        Assert.ThrowsAsync<StoreSchemaException>(async () =>
        {
            await using var store = new SqliteStore(new SqliteOptions { Path = path });
            await store.ProbeAsync(Cancel);
        });
}
