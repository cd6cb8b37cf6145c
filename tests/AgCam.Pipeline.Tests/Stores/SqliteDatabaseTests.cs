using AgCam.Pipeline.Stores.Sqlite;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public sealed class SqliteDatabaseTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("agcam").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_short_goes_before_long_writes_that_have_waited_for_longer()
    {
        await using var database = new SqliteDatabase(new SqliteOptions { Path = Path.Combine(_folder, "store.db") });
        var order = new List<string>();
        using var gate = new ManualResetEventSlim();
        using var begun = new ManualResetEventSlim();
        var first = database.WriteManyAsync(
            _ =>
            {
                begun.Set();
                gate.Wait(Cancel);
                return Note("long 1");
            },
            Cancel
        );
        Assert.True(begun.Wait(TimeSpan.FromSeconds(60), Cancel));
        var second = database.WriteManyAsync(_ => Note("long 2"), Cancel);
        var third = database.WriteManyAsync(_ => Note("long 3"), Cancel);
        var quick = database.WriteAsync(_ => Note("short"), Cancel);
        gate.Set();
        await Task.WhenAll(first, second, third, quick);
        Assert.Equal(["long 1", "short", "long 2", "long 3"], order);

        int Note(string what)
        {
            order.Add(what); // one thread writes
            return order.Count;
        }
    }

    [Fact]
    public async Task All_that_waits_is_written_before_the_file_is_closed()
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
        Assert.Equal(written, writes.Count(write => write.IsCompletedSuccessfully)); // who came too late was refused, not forgotten
        await Assert.ThrowsAnyAsync<Exception>(() => database.WriteAsync(_ => 0, Cancel));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
