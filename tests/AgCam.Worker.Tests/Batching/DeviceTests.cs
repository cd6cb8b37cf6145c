using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using AgCam.Attribution;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Batching;
using AgCam.Worker.Engines;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AgCam.Worker.Tests.Batching;

public sealed class DeviceTests
{
    private static readonly NullEngine Engine = new(NullEngine.Pin);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Batch_that_does_not_fit_into_memory_is_halved_and_later_ones_are_smaller()
    {
        var sizes = new List<int>();
        var device = DeviceOf(new BatchQueue(16, TimeSpan.Zero));
        var plan = PlanOf(images =>
        {
            sizes.Add(images.Count);
            if (images.Count > 5)
                throw new ExternalException(
                    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 15.77 GiB of which 8.88 MiB is free."
                );
        });
        var first = Works(plan, 16);
        device.Explain(first);
        Assert.Equal([16, 8, 4, 4, 4, 4], sizes);
        sizes.Clear();
        var second = Works(plan, 10);
        device.Explain(second);
        Assert.Equal([4, 4, 2], sizes);
        foreach (var work in first.Concat(second))
            Assert.NotNull(await work.Done);
    }

    [Fact]
    public void Method_that_needs_more_memory_does_not_shrink_the_batches_of_others()
    {
        var sizes = new List<int>();
        var device = DeviceOf(new BatchQueue(16, TimeSpan.Zero));
        var full = false;
        var plan = PlanOf(images =>
        {
            sizes.Add(images.Count);
            if (full && images.Count > 4)
                throw new ExternalException("CUDA out of memory.");
        });
        var generic = plan with { Options = plan.Options with { Method = AttributionMethod.Find("generic")! } };
        full = true;
        device.Explain(Works(generic, 8));
        Assert.Equal([8, 4, 4], sizes);
        full = false;
        sizes.Clear();
        device.Explain(Works(plan, 8));
        device.Explain(Works(generic, 8));
        Assert.Equal([8, 4, 4], sizes);
    }

    [Fact]
    public async Task Image_that_does_not_fit_into_memory_fails_alone()
    {
        var device = DeviceOf(new BatchQueue(16, TimeSpan.Zero));
        var works = Works(
            PlanOf(images =>
            {
                if (images.Any(image => image.Digest == DigestOf(2)))
                    throw new ExternalException("CUDA out of memory.");
            }),
            4
        );
        device.Explain(works);
        await Assert.ThrowsAsync<ExternalException>(() => works[2].Done);
        foreach (var work in works.Where(work => work != works[2]))
            Assert.NotNull(await work.Done);
    }

    [Theory]
    [InlineData("CUDA error: an illegal memory access was encountered")]
    [InlineData("CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported at some other API call")]
    public void Lost_device_ends_the_process(string text)
    {
        string? reason = null;
        var device = new Device(new BatchQueue(1, TimeSpan.Zero), NullLogger<Device>.Instance, message => reason ??= message);
        device.Explain(Works(PlanOf(_ => throw new ExternalException(text)), 1));
        Assert.Equal(text, reason);
    }

    [Fact]
    public async Task Next_batch_is_uploaded_while_one_is_computed()
    {
        using var second = new ManualResetEventSlim();
        var uploads = 0;
        var engine = new Uploading(
            Engine,
            upload: () =>
            {
                if (Interlocked.Increment(ref uploads) == 2)
                    second.Set();
            },
            compute: () => Assert.True(second.Wait(TimeSpan.FromSeconds(60)))
        );
        var queue = new BatchQueue(2, TimeSpan.Zero);
        var works = Works(Plan.Of(engine, AttributionMethod.Default, [Target.Predicted], ["predicted"]), 4);
        works.ForEach(queue.Add);
        using var end = new CancellationTokenSource();
        var running = DeviceOf(queue).RunAsync(end.Token);
        foreach (var work in works)
            // The first batch computes only after the second was uploaded.
            Assert.NotNull(await work.Done.WaitAsync(TimeSpan.FromSeconds(120), Cancel));
        await end.CancelAsync();
        await running;
        Assert.Equal((2, 2), (uploads, engine.Disposed));
    }

    [Fact]
    public async Task Failed_upload_computes_the_batch_directly_and_later_batches_follow()
    {
        var (uploads, computed) = (0, 0);
        var engine = new Uploading(
            Engine,
            upload: () =>
            {
                if (Interlocked.Increment(ref uploads) == 1)
                    throw new InvalidOperationException("no pinned memory");
            },
            compute: () => computed++
        );
        var queue = new BatchQueue(2, TimeSpan.Zero);
        var works = Works(Plan.Of(engine, AttributionMethod.Default, [Target.Predicted], ["predicted"]), 6);
        works.ForEach(queue.Add);
        using var end = new CancellationTokenSource();
        var running = DeviceOf(queue).RunAsync(end.Token);
        foreach (var work in works)
            Assert.NotNull(await work.Done.WaitAsync(TimeSpan.FromSeconds(120), Cancel));
        await end.CancelAsync();
        await running;
        Assert.Equal((3, 2), (uploads, computed));
    }

    [Fact]
    public async Task Device_computes_parallel_batches_at_the_same_time()
    {
        using var together = new Barrier(3);
        var queue = new BatchQueue(2, TimeSpan.Zero);
        // Three batches of two images. None ends before all have started.
        var works = Works(PlanOf(_ => Assert.True(together.SignalAndWait(TimeSpan.FromSeconds(60)))), 6);
        works.ForEach(queue.Add);
        using var end = new CancellationTokenSource();
        var running = DeviceOf(queue).RunAsync(end.Token, parallelBatches: 3);
        foreach (var work in works)
            Assert.NotNull(await work.Done.WaitAsync(TimeSpan.FromSeconds(120), Cancel));
        await end.CancelAsync();
        await running;
    }

    [Fact]
    public async Task Cancelled_image_is_not_computed_and_a_running_one_is_waited_for()
    {
        var queue = new BatchQueue(1, TimeSpan.Zero);
        using var computing = new ManualResetEventSlim();
        using var gate = new ManualResetEventSlim();
        var computed = 0;
        var works = Works(
            PlanOf(images =>
            {
                computed += images.Count;
                computing.Set();
                gate.Wait();
            }),
            2
        );
        using var giveUp = new CancellationTokenSource();
        var (first, second) = (works[0].ResultAsync(giveUp.Token), works[1].ResultAsync(giveUp.Token));
        works.ForEach(queue.Add);
        using var end = new CancellationTokenSource();
        var running = Task.Run(() => DeviceOf(queue).RunAsync(end.Token), Cancel);
        Assert.True(computing.Wait(TimeSpan.FromSeconds(60), Cancel));
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        Assert.False(first.IsCompleted);
        gate.Set();
        Assert.NotNull(await first.WaitAsync(TimeSpan.FromSeconds(60), Cancel));
        await end.CancelAsync();
        await running;
        Assert.Equal(1, computed);
    }

    [Fact]
    public async Task Exclusive_work_waits_for_batches_and_later_batches_wait_for_it()
    {
        using var started = new CountdownEvent(2);
        using var gate = new ManualResetEventSlim();
        var order = new ConcurrentQueue<string>();
        var device = DeviceOf(new BatchQueue(1, TimeSpan.Zero));
        var batch = PlanOf(_ =>
        {
            started.Signal();
            gate.Wait();
            order.Enqueue("batch");
        });
        var batches = new[] { Running(device, batch), Running(device, batch) };
        Assert.True(started.Wait(TimeSpan.FromSeconds(60), Cancel));

        var exclusive = device.ExclusiveAsync(() => Record("exclusive"), images: 1, Cancel);
        var later = Running(device, PlanOf(_ => Record("later")));
        WaitUntilBlocked(later);
        Assert.Empty(order);
        gate.Set();
        Assert.True(await exclusive.WaitAsync(TimeSpan.FromSeconds(60), Cancel));
        foreach (var thread in batches.Append(later))
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)));
        Assert.Equal(["batch", "batch", "exclusive", "later"], order);

        bool Record(string work)
        {
            order.Enqueue(work);
            return true;
        }
    }

    [Fact]
    public async Task Cancelled_exclusive_work_does_not_block_batches()
    {
        using var started = new ManualResetEventSlim();
        using var gate = new ManualResetEventSlim();
        var device = DeviceOf(new BatchQueue(1, TimeSpan.Zero));
        var first = Running(
            device,
            PlanOf(_ =>
            {
                started.Set();
                gate.Wait();
            })
        );
        Assert.True(started.Wait(TimeSpan.FromSeconds(60), Cancel));
        using var cancelled = new CancellationTokenSource();
        var exclusive = device.ExclusiveAsync(() => true, images: 1, cancelled.Token);
        var behind = Running(device, PlanOf(_ => { }));
        WaitUntilBlocked(behind);
        Assert.True(behind.IsAlive);

        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => exclusive);
        Assert.True(behind.Join(TimeSpan.FromSeconds(60)));
        gate.Set();
        Assert.True(first.Join(TimeSpan.FromSeconds(60)));
        Assert.True(await device.ExclusiveAsync(() => true, images: 1, Cancel).WaitAsync(TimeSpan.FromSeconds(60), Cancel));
    }

    /// <summary>Explains one image on its own thread.</summary>
    private static Thread Running(Device device, Plan plan)
    {
        var thread = new Thread(() => device.Explain(Works(plan, 1))) { IsBackground = true };
        thread.Start();
        return thread;
    }

    private static void WaitUntilBlocked(Thread thread) =>
        SpinWait.SpinUntil(
            () => !thread.IsAlive || thread.ThreadState.HasFlag(System.Threading.ThreadState.WaitSleepJoin),
            TimeSpan.FromSeconds(60)
        );

    private static Device DeviceOf(BatchQueue queue) => new(queue, NullLogger<Device>.Instance, reason => Assert.Fail(reason));

    private static Plan PlanOf(Action<IReadOnlyList<EngineInput>> before) =>
        Plan.Of(new ObservedLoader.Observed(Engine, before), AttributionMethod.Default, [Target.Predicted], ["predicted"]);

    private static List<ImageWork> Works(Plan plan, int count) =>
        [
            .. Enumerable
                .Range(0, count)
                .Select(i => new ImageWork(plan, Engine.Prepare([0xFF, 0xD8, (byte)i], DigestOf(i), ImageLimits.Default), null, Lane.Bulk)),
        ];

    private static Digest DigestOf(int number) => AgCam.Digest.Of([(byte)number]);

    /// <summary>Engine that uploads batches first, as on a GPU.</summary>
    private sealed class Uploading(NullEngine engine, Action upload, Action compute) : IExplainEngine
    {
        private int _disposed;

        public int Disposed => _disposed;

        public ModelPin Model => engine.Model;

        public ClassNames Classes => engine.Classes;

        public ExplanationRecipe Recipe(ExplainOptions options) => engine.Recipe(options);

        public Provenance Provenance(ExplainOptions options) => engine.Provenance(options);

        public EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits) => engine.Prepare(bytes, digest, limits);

        public IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options) =>
            engine.Explain(images, labels, options);

        public IDisposable Upload(IReadOnlyList<EngineInput> images)
        {
            upload();
            return new Uploaded(images, () => Interlocked.Increment(ref _disposed));
        }

        public IReadOnlyList<Explanation> ExplainUploaded(IDisposable uploaded, IReadOnlyList<int?> labels, ExplainOptions options)
        {
            compute();
            return engine.Explain(((Uploaded)uploaded).Images, labels, options);
        }

        public IReadOnlyList<AgCam.Heatmaps.BoundingBox> Boxes(
            AgCam.Heatmaps.Heatmap map,
            int originalWidth,
            int originalHeight,
            double threshold
        ) => [];

        public void Dispose() { }

        private sealed record Uploaded(IReadOnlyList<EngineInput> Images, Action Disposed) : IDisposable
        {
            public void Dispose() => Disposed();
        }
    }
}
