using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

public sealed class FaultTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Chunk_that_keeps_failing_ends_as_failed_with_the_last_error()
    {
        using var pictures = new Pictures(70);
        var engines = new FailingLoader(failures: int.MaxValue);
        await using var process = await Processes.StartAsync(
            Processes.Options(pictures),
            new WorkerOptions { MaxFaults = 2, LeaseSeconds = 2 },
            engines
        );
        var job = await process.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((0, 70), (job.Progress.Completed, job.Progress.Failed));
        var items = await process.Store.Items.AllAsync(new ItemQuery { Job = job.Id }, Cancel).ToListAsync(Cancel);
        Assert.All(items, item => Assert.Equal(WorkerFailure.GivenUp, item.Reason));
        Assert.All(items, item => Assert.Contains("2 times", item.Detail));
        Assert.All(items, item => Assert.Contains("unexpected", item.Detail));
        Assert.Equal(4, engines.Asked); // two chunks, two attempts each
    }

    [Fact]
    public async Task Chunk_that_fails_less_often_than_the_limit_completes()
    {
        using var pictures = new Pictures(10);
        await using var process = await Processes.StartAsync(
            Processes.Options(pictures),
            new WorkerOptions { MaxFaults = 2, LeaseSeconds = 2 },
            new FailingLoader(failures: 1)
        );
        var job = await process.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((10, 0), (job.Progress.Completed, job.Progress.Failed));
        Assert.Equal(1, (await process.Store.Chunks.FindAsync(job.Id, 0, Cancel))!.Faults);
    }

    [Fact]
    public async Task Out_of_memory_of_one_image_retries_its_chunk()
    {
        using var pictures = new Pictures(10);
        var (unlucky, refused) = (AgCam.Digest.Of(await File.ReadAllBytesAsync(pictures.PathOf(4), Cancel)), 0);
        var engines = new ObservedLoader(images =>
        {
            if (refused == 0 && images.Any(image => image.Digest == unlucky))
            {
                refused += images.Count == 1 ? 1 : 0;
                throw new System.Runtime.InteropServices.ExternalException("CUDA out of memory.");
            }
        });
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions { LeaseSeconds = 2 }, engines);
        var job = await process.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((10, 0), (job.Progress.Completed, job.Progress.Failed));
        Assert.Equal(1, (await process.Store.Chunks.FindAsync(job.Id, 0, Cancel))!.Faults);
    }

    [Fact]
    public async Task Request_is_not_lost_when_its_first_leases_fail()
    {
        using var pictures = new Pictures(2);
        await NotLostAsync(pictures, Processes.Options(pictures));
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    [Trait("RabbitMQ", "wire")]
    public async Task Request_on_the_broker_is_not_lost_when_its_first_leases_fail()
    {
        using var pictures = new Pictures(2);
        await using var broker = await Broker.OpenAsync();
        await NotLostAsync(pictures, broker.Over(Processes.Options(pictures)));
        Assert.Equal(0u, (await broker.Channel.QueueDeclarePassiveAsync($"{broker.Prefix}-bulk_error", Cancel)).MessageCount);
    }

    private static async Task NotLostAsync(Pictures pictures, PipelineOptions options)
    {
        var leases = 0;
        Exception[] troubles =
        [
            new InvalidOperationException("unexpected"),
            .. Enumerable.Repeat(new StoreUnavailableException("unavailable", new TimeoutException()), 6),
        ];
        await using var process = await Processes.StartAsync(
            options,
            new WorkerOptions { StoreRetrySeconds = 0.5 },
            store: store =>
                TroubledStore.Chunks(
                    store,
                    (method, _, inner) =>
                        method == nameof(IChunks.LeaseAsync) && Interlocked.Increment(ref leases) is var n && n <= troubles.Length
                            ? Task.FromException<LeaseAnswer>(troubles[n - 1])
                            : inner()
                )
        );
        var request = Request(pictures, "leased later");
        await process.Bus.PublishAsync(request, Cancel); // published without a stored request, as a producer does
        await Eventually.TrueAsync(async () => (await process.Store.Items.RecountAsync(request.Owner, Cancel)).Completed == 2);
        Assert.Equal(troubles.Length + 1, leases);
    }

    [Fact]
    public async Task Repeated_request_publishes_its_result_again_with_the_stored_numbers()
    {
        using var pictures = new Pictures(3, broken: 1);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var received = new List<ChunkExplained>();
        using var subscription = process.Events.Subscribe(item =>
        {
            lock (received)
                received.Add(item);
        });
        var request = Request(pictures, "sent twice", 3);
        await process.Bus.PublishAsync(request, Cancel);
        await Eventually.TrueAsync(() =>
        {
            lock (received)
                return received.Count == 1;
        });
        await process.Bus.PublishAsync(request, Cancel);
        await Eventually.TrueAsync(() =>
        {
            lock (received)
                return received.Count == 2;
        });
        Assert.All(
            received,
            item => Assert.Equal(("sent twice", request.Owner, 2, 1), (item.Key, item.Owner, item.Completed, item.Failed))
        );
    }

    [Fact]
    public async Task Lost_answer_of_a_save_publishes_the_result_with_the_stored_numbers()
    {
        using var pictures = new Pictures(3, broken: 1);
        var saves = 0;
        await using var process = await Processes.StartAsync(
            Processes.Options(pictures),
            new WorkerOptions(),
            store: store =>
                TroubledStore.Chunks(
                    store,
                    (method, _, inner) =>
                        method == nameof(IChunks.SaveAsync) && Interlocked.Increment(ref saves) == 1
                            ? LosingAsync((Task<IReadOnlyList<SaveAnswer>>)inner()!)
                            : inner()
                )
        );
        var received = new List<ChunkExplained>();
        using var subscription = process.Events.Subscribe(item =>
        {
            lock (received)
                received.Add(item);
        });
        await process.Bus.PublishAsync(Request(pictures, "answer lost", 3), Cancel);
        await Eventually.TrueAsync(() =>
        {
            lock (received)
                return received.Count == 1;
        });
        Assert.Equal((2, 1), (received[0].Completed, received[0].Failed));
    }

    [Fact]
    public async Task Unpublished_result_requeues_the_message_and_the_next_delivery_publishes_it()
    {
        using var pictures = new Pictures(2);
        var bus = new FailingOnceBus();
        await using var process = await Processes.StartAsync(
            Processes.Options(pictures) with
            {
                RunJobs = false,
            },
            new WorkerOptions(),
            bus: bus
        );
        var request = Request(pictures, "published later");
        await Assert.ThrowsAsync<RequeueException>(() => process.Handler.HandleAsync(request, redelivered: false, Cancel));
        await process.Handler.HandleAsync(request, redelivered: true, Cancel);
        Assert.Equal((request.Owner, 2, 0), (bus.Published!.Owner, bus.Published.Completed, bus.Published.Failed));
    }

    [Fact]
    public async Task Failed_write_of_a_provenance_is_retried()
    {
        using var pictures = new Pictures(2);
        var puts = 0;
        await using var process = await Processes.StartAsync(
            Processes.Options(pictures),
            new WorkerOptions { LeaseSeconds = 2 },
            store: store =>
            {
                var provenances = Troubled<IProvenances>.Of(
                    store.Provenances,
                    (_, _, inner) =>
                        Interlocked.Increment(ref puts) == 1
                            ? Task.FromException<Digest>(new InvalidOperationException("unexpected"))
                            : inner()
                );
                return Troubled<IStore>.Of(store, (name, _, inner) => name == "get_Provenances" ? provenances : inner());
            }
        );
        var job = await process.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((2, 0), (job.Progress.Completed, job.Progress.Failed));
    }

    /// <summary>Fails to publish the first event.</summary>
    private sealed class FailingOnceBus : IExplainBus
    {
        private int _published;

        public ChunkExplained? Published { get; private set; }

        public Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default)
        {
            if (Interlocked.Increment(ref _published) == 1)
                throw new BusException("The broker did not confirm it.");
            Published = message;
            return Task.CompletedTask;
        }

        public Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default) => Task.CompletedTask;
    }

    private static async Task<IReadOnlyList<SaveAnswer>> LosingAsync(Task<IReadOnlyList<SaveAnswer>> saving)
    {
        await saving;
        throw new StoreUnavailableException("The answer was lost.", new TimeoutException());
    }

    private static ExplainImages Request(Pictures pictures, string key, int count = 2) =>
        new()
        {
            Key = key,
            Model = NullEngine.Pin,
            References =
            [
                .. Enumerable.Range(0, count).Select(number => new ImageReference { Number = number, Uri = pictures.PathOf(number) }),
            ],
        };

    /// <summary>Throws an exception of an unexpected type.</summary>
    private sealed class FailingLoader(int failures) : IEngineLoader
    {
        private int _asked;

        public int Asked => _asked;

        public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
            Interlocked.Increment(ref _asked) <= failures
                ? throw new InvalidOperationException("unexpected")
                : new NullLoader().LoadAsync(model, dtype, cancellationToken);
    }
}
