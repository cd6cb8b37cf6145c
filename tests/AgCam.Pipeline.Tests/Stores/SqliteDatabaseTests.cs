using AgCam.Pipeline.Stores.Sqlite;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public sealed class SqliteDatabaseTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("agcam").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Short_writes_run_before_long_writes_that_have_waited_longer()
    {
        await using var database = new SqliteDatabase(new SqliteOptions { Path = Path.Combine(_folder, "store.db") });
        var order = new List<string>();
        using var mayEnd = new ManualResetEventSlim();
        using var hasStarted = new ManualResetEventSlim();
        var first = database.WriteManyAsync(
            _ =>
            {
                hasStarted.Set();
                mayEnd.Wait(Cancel);
                return Note("long 1");
            },
            Cancel
        );
        Assert.True(hasStarted.Wait(TimeSpan.FromSeconds(60), Cancel));
        var second = database.WriteManyAsync(_ => Note("long 2"), Cancel);
        var third = database.WriteManyAsync(_ => Note("long 3"), Cancel);
        var quick = database.WriteAsync(_ => Note("short"), Cancel);
        mayEnd.Set();
        await Task.WhenAll(first, second, third, quick);
        Assert.Equal(["long 1", "short", "long 2", "long 3"], order);

        int Note(string what)
        {
            order.Add(what); // no lock: only the writer thread adds
            return order.Count;
        }
    }

    [Fact]
    public async Task Waiting_writes_run_before_the_file_is_closed()
    {
        var database = new SqliteDatabase(new SqliteOptions { Path = Path.Combine(_folder, "store.db") });
        var written = 0;
        var writes = Enumerable
            .Range(0, 100)
            .Select(i => i % 3 == 0 ? database.WriteManyAsync(_ => ++written, Cancel) : database.WriteAsync(_ => ++written, Cancel))
            .ToList();
        await Task.WhenAll(writes.Where((_, i) => i % 10 == 0));
        await database.DisposeAsync();
        await Task.WhenAll(writes.Select(write => write.ContinueWith(_ => { }, Cancel)));
        Assert.Equal(written, writes.Count(write => write.IsCompletedSuccessfully)); // later writes are refused, not lost
        await Assert.ThrowsAnyAsync<Exception>(() => database.WriteAsync(_ => 0, Cancel));
    }

    [Fact]
    public async Task Connection_maps_a_part_of_a_large_file_into_memory()
    {
        const int Rows = 24;
        var path = Path.Combine(_folder, "store.db");
        await using var database = new SqliteDatabase(new SqliteOptions { Path = path, Durability = SqliteDurability.Process });
        await database.WriteAsync(session => session.Execute("CREATE TABLE large (content BLOB)"), Cancel);
        for (var i = 0; i < Rows; i++)
            await database.WriteManyAsync(session => session.Execute("INSERT INTO large VALUES (zeroblob(8388608))"), Cancel);
        Assert.Equal(
            Rows,
            await database.ReadAsync(session => session.Number("SELECT COUNT(*) FROM large WHERE substr(content, -1) = x'00'"), Cancel)
        );

        Assert.InRange(new FileInfo(path).Length >> 20, 140, 220); // the rest is in the write-ahead log
        var mapped = File.ReadLines("/proc/self/maps").Where(line => line.EndsWith($" {path}", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(mapped);
        Assert.All(mapped, line => Assert.InRange(Size(line.Split(' ')[0]) >> 20, 0, 64));

        static long Size(string range) =>
            range.Split('-') is [var from, var to] ? Convert.ToInt64(to, 16) - Convert.ToInt64(from, 16) : throw new FormatException(range);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
