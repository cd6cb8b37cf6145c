using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;
using AgCam.TestHost;
using Xunit;

namespace AgCam.Pipeline.Tests.Running;

/// <summary>
/// A process with everything in it, killed with SIGKILL at named points and at any. Whatever happens, every image ends in one record.
/// </summary>
public sealed class OneProcessDeathTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_process_with_a_file_goes_on_after_any_kill()
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
    /// Whatever it was at: starting, planning, publishing again what the process before held, computing, writing, alone or in company.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task One_process_with_a_file_goes_on_after_kills_at_random_moments(int seed)
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
                await process.ReadyAsync(180); // else it may be at its start
            Assert.False(await process.DiesAsync(0), process.Said);
            await Task.Delay(random.Next(0, 1500), Cancel);
            Assert.False(process.HasExited, process.Said);
            process.Kill();
        }
        await using var last = await Hosts.Start(serve).ReadyAsync(180);
        await Completion.ShowsAsync(store, job.Id, 995, 5, last);
    }

    [Fact]
    public async Task An_image_that_brings_its_worker_down_ends_as_poison_and_nothing_else_does()
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
        Assert.Equal(3, deaths); // once in company, twice alone
        var ended = (await store.Jobs.FindAsync(job.Id, Cancel))!;
        Assert.Equal((JobState.Completed, 199, 1), (ended.State, ended.Progress.Completed, ended.Progress.Failed));
        Assert.Equal(ItemFailure.Poison, (await store.Items.FindAsync(job.Id, 77, Cancel))!.Reason);
    }
}
