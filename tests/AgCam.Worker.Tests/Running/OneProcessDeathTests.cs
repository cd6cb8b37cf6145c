using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;
using AgCam.TestHost;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>
/// Kills a process that runs everything, at named points and at random moments. Every image ends in exactly one record.
/// </summary>
public sealed class OneProcessDeathTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_process_with_SQLite_continues_after_a_kill_at_any_named_point()
    {
        using var pictures = new Pictures(1500, broken: 5);
        string[] serve = ["role=serve", $"store={pictures.Database}", $"root={pictures.Folder}", "lease=5"];
        await using var store = new SqliteStore(new SqliteOptions { Path = pictures.Database });
        await store.MigrateAsync(Cancel);
        var job = (await store.Jobs.CreateAsync(Completion.Spec(pictures), "the job", Cancel)).Job;

        foreach (var kill in new[] { "planning:1", "before-compute:3", "after-compute:5", "mid-write:2", "after-write:2" })
        {
            await using var mortal = Hosts.Start([.. serve, $"kill={kill}"]);
            Assert.True(await mortal.DiesAsync(180), $"{kill}: {mortal.Said}");
            Assert.Equal(JobCreated.Existing, (await store.Jobs.CreateAsync(Completion.Spec(pictures), "the job", Cancel)).Outcome);
        }
        await using var last = await Hosts.Start(serve).ReadyAsync(180);
        await Completion.ShowsAsync(store, job.Id, 1495, 5, last);
    }

    /// <summary>
    /// The kill may hit start, planning, requeueing, computing and writing, of isolated chunks and of others.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task One_process_with_SQLite_continues_after_kills_at_random_moments(int seed)
    {
        using var pictures = new Pictures(1000, broken: 5);
        string[] serve = ["role=serve", $"store={pictures.Database}", $"root={pictures.Folder}", "lease=5", "slow=5"];
        await using var store = new SqliteStore(new SqliteOptions { Path = pictures.Database });
        await store.MigrateAsync(Cancel);
        var job = (await store.Jobs.CreateAsync(Completion.Spec(pictures), "the job", Cancel)).Job;

        var random = new Random(seed);
        for (var kill = 0; kill < 8; kill++)
        {
            await using var process = Hosts.Start(serve);
            if (kill % 2 == 1)
                await process.ReadyAsync(180); // waits for the end of the start
            Assert.False(await process.DiesAsync(0), process.Said);
            await Task.Delay(random.Next(0, 1500), Cancel);
            Assert.False(process.HasExited, process.Said);
            process.Kill();
        }
        await using var last = await Hosts.Start(serve).ReadyAsync(180);
        await Completion.ShowsAsync(store, job.Id, 995, 5, last);
    }

    [Fact]
    public async Task Only_the_image_that_kills_its_worker_ends_as_poison()
    {
        using var pictures = new Pictures(200);
        var poison = AgCam.Digest.Of(await File.ReadAllBytesAsync(pictures.PathOf(77), Cancel));
        string[] serve = ["role=serve", $"store={pictures.Database}", $"root={pictures.Folder}", "lease=5", $"poison={poison}"];
        await using var store = new SqliteStore(new SqliteOptions { Path = pictures.Database });
        await store.MigrateAsync(Cancel);
        var job = (await store.Jobs.CreateAsync(Completion.Spec(pictures), cancellationToken: Cancel)).Job;

        var deaths = 0;
        for (var start = 0; start < 6 && (await store.Jobs.FindAsync(job.Id, Cancel))!.State != JobState.Completed; start++)
        {
            await using var process = Hosts.Start(serve);
            await Eventually.TrueAsync(
                async () => process.HasExited || (await store.Jobs.FindAsync(job.Id, Cancel))!.State == JobState.Completed,
                seconds: 60
            );
            if (!process.HasExited)
                continue;
            Assert.Equal(HostProcess.Segfaulted, process.ExitCode);
            deaths++;
        }
        Assert.Equal(3, deaths); // once in a shared batch, twice isolated
        var ended = (await store.Jobs.FindAsync(job.Id, Cancel))!;
        Assert.Equal((JobState.Completed, 199, 1), (ended.State, ended.Progress.Completed, ended.Progress.Failed));
        Assert.Equal(ItemFailure.Poison, (await store.Items.FindAsync(job.Id, 77, Cancel))!.Reason);
    }
}
