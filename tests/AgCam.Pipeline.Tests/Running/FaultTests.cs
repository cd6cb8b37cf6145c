using AgCam.Pipeline.Bus;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Worker;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Pipeline.Tests.Running;

public sealed class FaultTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_fails_again_and_again_ends_as_failed_with_the_last_error()
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
        Assert.All(items, item => Assert.Contains("out of sorts", item.Detail));
        Assert.Equal(4, engines.Asked); // two chunks, twice each
    }

    [Fact]
    public async Task What_fails_less_often_is_done_after_all()
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
    public async Task An_image_that_a_full_device_has_no_room_for_is_tried_again_with_its_chunk()
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
    public async Task A_request_that_the_store_takes_only_later_is_not_lost()
    {
        using var pictures = new Pictures(2);
        await NotLostAsync(pictures, Processes.Options(pictures));
    }

    [Fact(SkipUnless = nameof(Broker.IsThere), SkipType = typeof(Broker), Skip = "AGCAM_TEST_RABBITMQ names no broker")]
    [Trait("RabbitMQ", "wire")]
    public async Task A_request_that_the_store_takes_only_later_is_not_lost_by_the_broker()
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
            new InvalidOperationException("out of sorts"),
            .. Enumerable.Repeat(new StoreUnavailableException("away", new TimeoutException()), 6),
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
        var request = Request(pictures, "taken later");
        await process.Bus.PublishAsync(request, Cancel); // not accepted by the store before, as a producer's
        await Eventually.TrueAsync(async () => (await process.Store.Items.RecountAsync(request.Owner, Cancel)).Completed == 2);
        Assert.Equal(troubles.Length + 1, leases);
    }

    [Fact]
    public async Task What_is_done_is_told_again_with_the_stored_numbers()
    {
        using var pictures = new Pictures(3, broken: 1);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var received = new List<ChunkExplained>();
        using var hearing = process.Events.Subscribe(item =>
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
    public async Task What_was_stored_without_the_worker_hearing_of_it_is_told_with_the_stored_numbers()
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
        using var hearing = process.Events.Subscribe(item =>
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
    public async Task What_could_not_be_told_goes_back_and_is_told_by_whoever_gets_it_next()
    {
        using var pictures = new Pictures(2);
        var bus = new ForgetfulBus();
        await using var process = await Processes.StartAsync(
            Processes.Options(pictures) with
            {
                RunJobs = false,
            },
            new WorkerOptions(),
            bus: bus
        );
        var request = Request(pictures, "told later");
        await Assert.ThrowsAsync<RequeueException>(() => process.Handler.HandleAsync(request, redelivered: false, Cancel));
        await process.Handler.HandleAsync(request, redelivered: true, Cancel);
        Assert.Equal((request.Owner, 2, 0), (bus.Told!.Owner, bus.Told.Completed, bus.Told.Failed));
    }

    [Fact]
    public async Task A_provenance_that_the_store_took_only_later_fails_no_chunk_for_ever()
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
                            ? Task.FromException<Digest>(new InvalidOperationException("out of sorts"))
                            : inner()
                );
                return Troubled<IStore>.Of(store, (name, _, inner) => name == "get_Provenances" ? provenances : inner());
            }
        );
        var job = await process.SubmitAsync(new JobSpec { Source = $"folder:{pictures.Folder}", Model = NullEngine.Pin });
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((2, 0), (job.Progress.Completed, job.Progress.Failed));
    }

    /// <summary>Loses the first thing that it is told.</summary>
    private sealed class ForgetfulBus : IExplainBus
    {
        private int _told;

        public ChunkExplained? Told { get; private set; }

        public Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default)
        {
            if (Interlocked.Increment(ref _told) == 1)
                throw new BusException("The broker did not confirm it.");
            Told = message;
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

    /// <summary>Throws what no worker foresees.</summary>
    private sealed class FailingLoader(int failures) : IEngineLoader
    {
        private int _asked;

        public int Asked => _asked;

        public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
            Interlocked.Increment(ref _asked) <= failures
                ? throw new InvalidOperationException("out of sorts")
                : new NullLoader().LoadAsync(model, dtype, cancellationToken);
    }
}
