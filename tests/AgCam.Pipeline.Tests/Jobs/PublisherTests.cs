using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

/// <summary>
/// Tests the publisher with a real store, a queue in place of the broker and one worker that takes messages in order.
/// </summary>
public sealed class PublisherTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("agcam-publisher-").FullName;
    private readonly FakeClock _clock = new();
    private readonly QueueBus _bus = new();
    private readonly SqliteStore _store;

    public PublisherTests() => _store = new SqliteStore(new SqliteOptions { Path = Path.Combine(_folder, "agcam.db") }, _clock);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _store.MigrateAsync(Cancel);

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(1, 1, 40, 40)]
    [InlineData(1, 3, 20, 60)]
    [InlineData(7, 1, 70, 10)]
    public async Task Concurrent_jobs_are_served_by_weight(int weight, int otherWeight, int served, int servedOther)
    {
        var (first, second) = (await JobAsync(weight, 100), await JobAsync(otherWeight, 100));
        var publisher = Publisher(least: 8, maximum: 8);
        for (var i = 0; i < 80; i++)
        {
            await publisher.PublishAsync([first, second], Cancel);
            await WorkAsync();
        }
        Assert.InRange(await DoneAsync(first), served - 2, served + 2);
        Assert.InRange(await DoneAsync(second), servedOther - 2, servedOther + 2);
    }

    [Fact]
    public async Task Single_job_fills_the_window_and_shares_it_as_its_chunks_complete()
    {
        var (first, second) = (await JobAsync(weight: 1, 100), await JobAsync(weight: 3, 100));
        var publisher = Publisher(least: 8, maximum: 8);
        Assert.Equal(8, await publisher.PublishAsync([first], Cancel));
        Assert.Equal(6, await publisher.PublishAsync([first, second], Cancel)); // the second job's three quarters, at once
        Assert.Equal(0, await publisher.PublishAsync([first, second], Cancel));
        for (var i = 0; i < 6; i++) // until the first job is down to its quarter
        {
            await WorkAsync();
            Assert.Equal(0, await publisher.PublishAsync([first, second], Cancel));
        }
        await WorkAsync();
        Assert.Equal(1, await publisher.PublishAsync([first, second], Cancel));
    }

    [Fact]
    public async Task Job_of_any_weight_has_a_chunk_in_the_broker()
    {
        var (light, heavy) = (await JobAsync(weight: 1, 10), await JobAsync(weight: 1000, 10));
        await Publisher(least: 4, maximum: 4).PublishAsync([light, heavy], Cancel);
        Assert.Equal(1, _bus.Queue.Count(message => message.JobId == light.Id));
    }

    [Fact]
    public async Task Window_grows_while_chunks_start_at_once_and_shrinks_while_they_wait()
    {
        var job = await JobAsync(weight: 1, 500);
        var publisher = Publisher(least: 4, maximum: 32);
        Assert.Equal([4, 6, 9, 14, 20, 30, 32, 32], await WindowsAsync(8, TimeSpan.Zero)); // grows by a half
        Assert.Equal([32, 32], await WindowsAsync(2, TimeSpan.FromSeconds(0.5)));
        Assert.Equal([32, 24, 18, 14, 10, 8, 6, 4, 4], await WindowsAsync(9, TimeSpan.FromSeconds(2))); // shrinks by a quarter

        // In each round all published chunks wait this long and are then done. The window reacts to the previous round.
        async Task<List<int>> WindowsAsync(int rounds, TimeSpan wait)
        {
            var windows = new List<int>();
            for (var round = 0; round < rounds; round++)
            {
                await publisher.PublishAsync([job], Cancel);
                windows.Add(_bus.Queue.Count);
                _clock.Advance(wait);
                while (_bus.Queue.Count > 0)
                    await WorkAsync();
            }
            return windows;
        }
    }

    [Fact]
    public async Task Window_ignores_chunks_that_no_worker_has_leased()
    {
        var job = await JobAsync(weight: 1, 100);
        var publisher = Publisher(least: 4, maximum: 32);
        for (var i = 0; i < 5; i++)
            await publisher.PublishAsync([job], Cancel);
        Assert.Equal((4, 4), (publisher.Window, _bus.Queue.Count));
    }

    private Publisher Publisher(int least, int maximum) =>
        new(
            _store,
            _bus,
            new PipelineOptions
            {
                Store = "",
                MinWindow = least,
                MaxWindow = maximum,
            },
            NullLogger<Publisher>.Instance
        );

    private async Task<Job> JobAsync(int weight, int chunks)
    {
        var job = (await _store.Jobs.CreateAsync(Some.Spec() with { Weight = weight }, cancellationToken: Cancel)).Job;
        await _store.Jobs.AddChunksAsync(
            job.Id,
            await _store.Jobs.PlanTailAsync(job.Id, Cancel),
            [.. Enumerable.Range(0, chunks).Select(number => Some.References(number, 1))],
            Cancel
        );
        return (await _store.Jobs.FinishPlanningAsync(job.Id, cancellationToken: Cancel))!;
    }

    /// <summary>Leases, computes and saves the chunk of the oldest message.</summary>
    private async Task WorkAsync()
    {
        var answer = await _store.Chunks.LeaseAsync(_bus.Queue.Dequeue(), "worker", TimeSpan.FromMinutes(1), cancellationToken: Cancel);
        Assert.Equal(LeaseOutcome.Granted, answer.Outcome);
        await _store.Chunks.SaveAsync([Some.Result(answer.Lease!, answer.Chunk!, _clock.GetUtcNow())], Cancel);
    }

    private async Task<int> DoneAsync(Job job) => (await _store.Jobs.FindAsync(job.Id, Cancel))!.Progress.ChunksDone;

    private sealed class QueueBus : IExplainBus
    {
        public Queue<ExplainImages> Queue { get; } = [];

        public Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default)
        {
            lock (Queue) // the publisher publishes concurrently
                Queue.Enqueue(message);
            return Task.CompletedTask;
        }

        public Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default) => Task.CompletedTask;
    }
}
