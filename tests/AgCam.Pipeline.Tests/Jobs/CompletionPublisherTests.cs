using System.Collections.Concurrent;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Tests.Running;
using AgCam.Pipeline.Tests.Stores.Model;
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
    public async Task Of_two_replicas_that_find_a_job_untold_one_tells()
    {
        var job = await CompletedAsync();
        var bus = new SlowBus();
        var (first, second) = (SweeperOver(bus), SweeperOver(bus));
        var telling = first.PublishCompletionsAsync(Cancel);
        await second.PublishCompletionsAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel); // it would wait for the bus
        bus.Taken.SetResult();
        await telling;
        Assert.Equal([job], bus.Told);
        Assert.Empty(await ((IStore)_store).Jobs.PendingNotificationsAsync(cancellationToken: Cancel));
    }

    [Fact]
    public async Task What_a_teller_died_over_is_told_by_another_once_its_time_is_over()
    {
        var job = await CompletedAsync();
        _ = SweeperOver(new SlowBus()).PublishCompletionsAsync(Cancel); // never comes back
        var bus = new SlowBus();
        bus.Taken.SetResult();
        await SweeperOver(bus).PublishCompletionsAsync(Cancel);
        Assert.Empty(bus.Told);
        _clock.Advance(TimeSpan.FromMinutes(2));
        await SweeperOver(bus).PublishCompletionsAsync(Cancel);
        Assert.Equal([job], bus.Told);
    }

    [Fact]
    public async Task An_error_of_the_store_that_nobody_foresaw_does_not_end_the_telling_of_webhooks()
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
                            ? Task.FromException<IReadOnlyList<Job>>(new InvalidOperationException("out of sorts"))
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
    public async Task A_job_with_a_webhook_is_told_on_the_bus_once_however_often_its_receiver_is_tried()
    {
        var job = await CompletedAsync(Some.Spec() with { Webhook = "https://hooks.example.org/agcam" });
        var bus = new SlowBus();
        bus.Taken.SetResult();
        var notifier = new CompletionPublisher(_store, bus, _clock);
        await notifier.PublishAsync(job, "the worker", Cancel);
        for (var i = 0; i < 3; i++)
        {
            await SweeperOver(bus).PublishCompletionsAsync(Cancel);
            Assert.NotNull(await notifier.LeaseAsync(job, "webhooks", TimeSpan.FromSeconds(10), Cancel));
            await notifier.ReleaseAsync(job, "webhooks", Cancel); // its receiver did not answer
        }
        Assert.Equal([job], bus.Told);
        Assert.Equal([job], (await ((IStore)_store).Jobs.PendingNotificationsAsync(cancellationToken: Cancel)).Select(untold => untold.Id));
    }

    [Fact]
    public async Task The_bus_is_told_of_a_job_whose_worker_died_though_nobody_takes_its_webhook()
    {
        var job = await CompletedAsync(Some.Spec() with { Webhook = "https://hooks.example.org/agcam" });
        var bus = new SlowBus();
        bus.Taken.SetResult();
        await SweeperOver(bus).PublishCompletionsAsync(Cancel);
        Assert.Equal([job], bus.Told);
        // The sweeper does not keep it
        Assert.NotNull(await new CompletionPublisher(_store, bus, _clock).LeaseAsync(job, "webhooks", TimeSpan.FromSeconds(10), Cancel));
        Assert.Equal([job], bus.Told);
    }

    private async Task<Guid> CompletedAsync(JobSpec? spec = null)
    {
        var jobs = ((IStore)_store).Jobs;
        var job = (await jobs.CreateAsync(spec ?? Some.Spec(), cancellationToken: Cancel)).Job.Id;
        await jobs.FinishPlanningAsync(job, cancellationToken: Cancel);
        _clock.Advance(TimeSpan.FromSeconds(10)); // past the worker's own turn
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
        public ConcurrentQueue<Guid> Told { get; } = new();

        public TaskCompletionSource Taken { get; } = new();

        public Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default)
        {
            Told.Enqueue(message.JobId);
            return Taken.Task;
        }
    }
}
