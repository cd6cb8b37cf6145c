using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Tests.Stores.Model;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

/// <summary>A chunk whose message breaks a rule, as an older release may have written it down.</summary>
public sealed class SweeperTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly FakeClock _clock = new();
    private readonly RememberedBus _bus = new();
    private readonly ModelStore _store;

    public SweeperTests() => _store = new ModelStore(_clock);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private IStore Store => _store;

    [Fact]
    public async Task A_chunk_that_can_never_be_published_pauses_its_job_once_and_keeps_no_other_from_being_published()
    {
        var (bad, good) = (await PlannedAsync("bad", new string('l', 300)), await PlannedAsync("good", "cat"));
        var publisher = Publisher();

        Assert.Equal(3, await publisher.PublishAsync([bad, good], Cancel));

        var paused = (await Store.Jobs.FindAsync(bad.Id, Cancel))!;
        Assert.Equal(JobState.Paused, paused.State);
        Assert.Contains("chunk 1", paused.Reason);
        Assert.Contains("references[0].label", paused.Reason);
        Assert.Equal(JobState.Running, (await Store.Jobs.FindAsync(good.Id, Cancel))!.State);
        Assert.Equal([(bad.Id, 0), (good.Id, 0), (good.Id, 1)], _bus.Published.Order());
    }

    [Fact]
    public async Task A_sweep_publishes_what_it_took_whatever_one_chunk_of_it_is_like()
    {
        var bad = Some.Request("bad") with { References = [Some.Reference(0, new string('l', 300))] };
        await Store.Chunks.AcceptAsync(bad, TimeSpan.Zero, cancellationToken: Cancel);
        await Store.Chunks.AcceptAsync(Some.Request("good"), TimeSpan.Zero, cancellationToken: Cancel);
        var job = await PlannedAsync("job", "cat");
        await Store.Chunks.ClaimPlannedAsync(job.Id, 2, TimeSpan.Zero, Cancel);
        _bus.Broken = job.Id;

        await Sweeper("amqp://broker").RequeueExpiredAsync(Cancel);

        Assert.Equal([(RequestId.Of("good"), 0)], _bus.Published);
        Assert.Equal(JobState.Running, (await Store.Jobs.FindAsync(job.Id, Cancel))!.State); // what may go better next time pauses nothing
    }

    [Fact]
    public async Task What_a_process_has_leased_itself_is_not_taken_back_by_its_later_sweeps()
    {
        var sweeper = Sweeper(PipelineOptions.InMemory);
        var bad = Some.Request("bad") with { References = [Some.Reference(0, new string('l', 300))] };
        await Store.Chunks.AcceptAsync(bad, Minute, cancellationToken: Cancel);
        await Store.Chunks.AcceptAsync(Some.Request("good"), Minute, cancellationToken: Cancel);
        await sweeper.RequeueExpiredAsync(Cancel); // from the process before, whatever its time
        var taken = (await Store.Chunks.FindAsync(RequestId.Of("good"), 0, Cancel))!;
        var lease = (await Store.Chunks.LeaseAsync(Some.Message(taken), "worker", Minute, cancellationToken: Cancel)).Lease!;

        await sweeper.RequeueExpiredAsync(Cancel);

        Assert.True(await Store.Chunks.HeartbeatAsync(lease, Minute, Cancel));
    }

    /// <summary>Two chunks of one image, the second with the label.</summary>
    private async Task<Job> PlannedAsync(string key, string label)
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec(), key, Cancel)).Job;
        await Store.Jobs.AddChunksAsync(
            job.Id,
            await Store.Jobs.PlanTailAsync(job.Id, Cancel),
            [
                [Some.Reference(0)],
                [Some.Reference(1, label)],
            ],
            Cancel
        );
        return (await Store.Jobs.FinishPlanningAsync(job.Id, cancellationToken: Cancel))!;
    }

    private Publisher Publisher() => new(Store, _bus, new PipelineOptions(), NullLogger<Publisher>.Instance);

    private Sweeper Sweeper(string bus) =>
        new(
            Store,
            new CompletionPublisher(Store, _bus, _clock),
            Publisher(),
            new PipelineOptions { Bus = bus },
            _clock,
            NullLogger<Sweeper>.Instance
        );

    /// <summary>Refuses what breaks a rule, as every bus does, and remembers the rest.</summary>
    private sealed class RememberedBus : IExplainBus
    {
        private readonly List<(Guid Owner, int Chunk)> _published = [];

        public IReadOnlyList<(Guid Owner, int Chunk)> Published => _published;

        /// <summary>Whose messages are not taken.</summary>
        public Guid? Broken { get; set; }

        public Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default)
        {
            ExplainImagesRules.ThrowIfInvalid(message);
            if (message.Owner == Broken)
                throw new InvalidOperationException("Nobody foresaw this.");
            lock (_published)
                _published.Add((message.Owner, message.Chunk));
            return Task.CompletedTask;
        }

        public Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default) => Task.CompletedTask;
    }
}
