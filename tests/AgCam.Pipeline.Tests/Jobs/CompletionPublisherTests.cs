using System.Collections.Concurrent;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Webhooks;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

public sealed class CompletionPublisherTests
{
    private readonly FakeClock _clock = new();
    private readonly ModelStore _store;

    public CompletionPublisherTests() => _store = new ModelStore(_clock);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_of_two_replicas_publishes_a_pending_completion()
    {
        var job = await CompletedAsync();
        var bus = new SlowBus();
        var (first, second) = (SweeperOver(bus), SweeperOver(bus));
        var publishing = first.PublishCompletionsAsync(Cancel);
        await second.PublishCompletionsAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel); // returns without waiting for the bus
        bus.Confirmed.SetResult();
        await publishing;
        Assert.Equal([job], bus.Published);
        Assert.Empty(await ((IStore)_store).Jobs.PendingNotificationsAsync(cancellationToken: Cancel));
    }

    [Fact]
    public async Task Completion_of_a_dead_publisher_is_published_by_another_after_the_lease()
    {
        var job = await CompletedAsync();
        _ = SweeperOver(new SlowBus()).PublishCompletionsAsync(Cancel); // never returns
        var bus = new SlowBus();
        bus.Confirmed.SetResult();
        await SweeperOver(bus).PublishCompletionsAsync(Cancel);
        Assert.Empty(bus.Published);
        _clock.Advance(TimeSpan.FromMinutes(2));
        await SweeperOver(bus).PublishCompletionsAsync(Cancel);
        Assert.Equal([job], bus.Published);
    }

    [Fact]
    public async Task Unexpected_store_error_does_not_stop_the_webhook_loop()
    {
        using var pictures = new Pictures(1);
        var options = Processes.Options(pictures) with
        {
            Webhooks = new WebhookOptions { Hosts = ["localhost"], Secret = "a secret of the operator's" },
        };
        var asked = 0;
        await using var process = await Processes.StartAsync(
            options,
            new WorkerOptions(),
            store: store =>
            {
                var jobs = Troubled<IJobs>.Of(
                    store.Jobs,
                    (method, _, inner) =>
                        method == nameof(IJobs.PendingNotificationsAsync) && Interlocked.Increment(ref asked) <= 6
                            ? Task.FromException<IReadOnlyList<Job>>(new InvalidOperationException("unexpected"))
                            : inner()
                );
                return Troubled<IStore>.Of(store, (name, _, inner) => name == "get_Jobs" ? jobs : inner());
            }
        );
        var job = await process.SubmitAsync(
            new JobSpec
            {
                Source = $"folder:{pictures.Folder}",
                Model = NullEngine.Pin,
                Webhook = "http://localhost:1/refused-for-its-address",
            }
        );
        await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        await Eventually.TrueAsync(async () =>
            asked > 6 && (await process.Store.Jobs.PendingNotificationsAsync(cancellationToken: Cancel)).Count == 0
        );
    }

    [Fact]
    public async Task Completion_is_published_once_on_the_bus_while_its_webhook_is_retried()
    {
        var job = await CompletedAsync(Some.Spec() with { Webhook = "https://hooks.example.org/agcam" });
        var bus = new SlowBus();
        bus.Confirmed.SetResult();
        var notifier = new CompletionPublisher(_store, bus, _clock);
        await notifier.PublishAsync(job, "the worker", Cancel);
        for (var i = 0; i < 3; i++)
        {
            await SweeperOver(bus).PublishCompletionsAsync(Cancel);
            Assert.NotNull(await notifier.LeaseAsync(job, "webhooks", TimeSpan.FromSeconds(10), Cancel));
            await notifier.ReleaseAsync(job, "webhooks", Cancel); // the receiver did not answer
        }
        Assert.Equal([job], bus.Published);
        Assert.Equal(
            [job],
            (await ((IStore)_store).Jobs.PendingNotificationsAsync(cancellationToken: Cancel)).Select(pending => pending.Id)
        );
    }

    [Fact]
    public async Task Completion_of_a_dead_worker_is_published_on_the_bus_while_its_webhook_is_pending()
    {
        var job = await CompletedAsync(Some.Spec() with { Webhook = "https://hooks.example.org/agcam" });
        var bus = new SlowBus();
        bus.Confirmed.SetResult();
        await SweeperOver(bus).PublishCompletionsAsync(Cancel);
        Assert.Equal([job], bus.Published);
        // The sweeper released its lease of the webhook.
        Assert.NotNull(await new CompletionPublisher(_store, bus, _clock).LeaseAsync(job, "webhooks", TimeSpan.FromSeconds(10), Cancel));
        Assert.Equal([job], bus.Published);
    }

    private async Task<Guid> CompletedAsync(JobSpec? spec = null)
    {
        var jobs = ((IStore)_store).Jobs;
        var job = (await jobs.CreateAsync(spec ?? Some.Spec(), cancellationToken: Cancel)).Job.Id;
        await jobs.FinishPlanningAsync(job, cancellationToken: Cancel);
        _clock.Advance(TimeSpan.FromSeconds(10)); // the worker's own time to publish is over
        return job;
    }

    private Sweeper SweeperOver(IExplainBus bus) =>
        new(
            _store,
            new CompletionPublisher(_store, bus, _clock),
            new Publisher(_store, bus, new PipelineOptions(), NullLogger<Publisher>.Instance),
            new PipelineOptions(),
            _clock,
            NullLogger<Sweeper>.Instance
        );

    private sealed class SlowBus : IExplainBus
    {
        public ConcurrentQueue<Guid> Published { get; } = new();

        public TaskCompletionSource Confirmed { get; } = new();

        public Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default)
        {
            Published.Enqueue(message.JobId);
            return Confirmed.Task;
        }
    }
}
