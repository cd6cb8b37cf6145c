using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

/// <summary>Tests chunks whose message violates a rule and can therefore not be published.</summary>
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
    public async Task Unpublishable_chunk_pauses_its_job_and_does_not_block_others()
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
    public async Task Sweep_publishes_the_rest_of_its_batch_when_one_chunk_fails()
    {
        var bad = Some.Request("bad") with { References = [Some.Reference(0, new string('l', 300))] };
        await Store.Chunks.AcceptAsync(bad, TimeSpan.Zero, cancellationToken: Cancel);
        await Store.Chunks.AcceptAsync(Some.Request("good"), TimeSpan.Zero, cancellationToken: Cancel);
        var job = await PlannedAsync("job", "cat");
        await Store.Chunks.ClaimPlannedAsync(job.Id, 2, TimeSpan.Zero, Cancel);
        _bus.Broken = job.Id;

        await Sweeper("amqp://broker").RequeueExpiredAsync(Cancel);

        Assert.Equal([(RequestId.Of("good"), 0)], _bus.Published);
        Assert.Equal(JobState.Running, (await Store.Jobs.FindAsync(job.Id, Cancel))!.State); // a transient failure pauses nothing
    }

    [Fact]
    public async Task Later_sweeps_do_not_requeue_chunks_that_the_process_has_leased()
    {
        var sweeper = Sweeper(PipelineOptions.InMemory);
        var bad = Some.Request("bad") with { References = [Some.Reference(0, new string('l', 300))] };
        await Store.Chunks.AcceptAsync(bad, Minute, cancellationToken: Cancel);
        await Store.Chunks.AcceptAsync(Some.Request("good"), Minute, cancellationToken: Cancel);
        await sweeper.RequeueExpiredAsync(Cancel); // the first sweep requeues everything that a previous process left
        var taken = (await Store.Chunks.FindAsync(RequestId.Of("good"), 0, Cancel))!;
        var lease = (await Store.Chunks.LeaseAsync(Some.Message(taken), "worker", Minute, cancellationToken: Cancel)).Lease!;

        await sweeper.RequeueExpiredAsync(Cancel);

        Assert.True(await Store.Chunks.HeartbeatAsync(lease, Minute, Cancel));
    }

    /// <summary>Plans a job with two chunks of one image each. The second image has the label.</summary>
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

    /// <summary>Refuses invalid messages, as every bus does, and records the rest.</summary>
    private sealed class RememberedBus : IExplainBus
    {
        private readonly List<(Guid Owner, int Chunk)> _published = [];

        public IReadOnlyList<(Guid Owner, int Chunk)> Published => _published;

        /// <summary>Job or request whose messages fail.</summary>
        public Guid? Broken { get; set; }

        public Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default)
        {
            ExplainImagesRules.ThrowIfInvalid(message);
            if (message.Owner == Broken)
                throw new InvalidOperationException("unexpected");
            lock (_published)
                _published.Add((message.Owner, message.Chunk));
            return Task.CompletedTask;
        }

        public Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default) => Task.CompletedTask;
    }
}
