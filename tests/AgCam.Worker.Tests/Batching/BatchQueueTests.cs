using AgCam.Attribution;
using AgCam.Images;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Batching;
using AgCam.Worker.Engines;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace AgCam.Worker.Tests.Batching;

public sealed class BatchQueueTests
{
    private static readonly NullEngine Engine = new(NullEngine.Pin);
    private static readonly Plan Predicted = PlanOf("predicted"),
        Top = PlanOf("top:2");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Interactive_images_come_first_and_bulk_fills_the_batch()
    {
        var queue = new BatchQueue(3, TimeSpan.Zero);
        var (bulk1, bulk2, bulk3, asked) = (Work(Predicted), Work(Predicted), Work(Predicted), Work(Predicted, Lane.Interactive));
        foreach (var work in new[] { bulk1, bulk2, bulk3, asked })
            queue.Add(work);
        Assert.Equal([asked, bulk1, bulk2], await queue.TakeAsync(Cancel));
        Assert.Equal([bulk3], await queue.TakeAsync(Cancel));
    }

    [Fact]
    public async Task Only_images_with_equal_options_share_a_batch()
    {
        var queue = new BatchQueue(8, TimeSpan.Zero);
        var (first, other, second) = (Work(Predicted), Work(Top), Work(Predicted));
        foreach (var work in new[] { first, other, second })
            queue.Add(work);
        Assert.Equal([first, second], await queue.TakeAsync(Cancel));
        Assert.Equal([other], await queue.TakeAsync(Cancel));
    }

    [Fact]
    public async Task Full_batch_does_not_wait()
    {
        var queue = new BatchQueue(2, TimeSpan.FromHours(1));
        queue.Add(Work(Predicted));
        var taking = queue.TakeAsync(Cancel);
        Assert.False(taking.IsCompleted);
        queue.Add(Work(Predicted));
        Assert.Equal(2, (await taking.WaitAsync(TimeSpan.FromSeconds(20), Cancel)).Count);
    }

    [Fact]
    public async Task Partial_batch_waits_for_a_limited_time()
    {
        var queue = new BatchQueue(2, TimeSpan.FromMilliseconds(20));
        queue.Add(Work(Predicted));
        Assert.Single(await queue.TakeAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(20), Cancel));
    }

    [Fact]
    public async Task Batches_are_small_while_requests_wait_for_a_slow_device()
    {
        var queue = new BatchQueue(8, TimeSpan.Zero);
        queue.Took(TimeSpan.FromMilliseconds(40), 8); // two images take 10 ms
        var bulk = Enumerable.Range(0, 12).Select(_ => Work(Predicted)).ToList();
        bulk.ForEach(queue.Add);
        Assert.Equal(8, (await queue.TakeAsync(Cancel)).Count);
        var asked = Work(Predicted, Lane.Interactive);
        queue.Add(asked);
        Assert.Equal([asked, bulk[8]], await queue.TakeAsync(Cancel));
        Assert.Equal([bulk[9], bulk[10]], await queue.TakeAsync(Cancel));
    }

    [Fact]
    public async Task Every_added_image_is_taken_once()
    {
        var queue = new BatchQueue(7, TimeSpan.FromMilliseconds(1));
        var all = Enumerable
            .Range(0, 2000)
            .Select(i => Work(i % 3 == 0 ? Top : Predicted, i % 5 == 0 ? Lane.Interactive : Lane.Bulk))
            .ToList();
        var adding = Task.WhenAll(all.Chunk(500).Select(part => Task.Run(() => Array.ForEach(part, queue.Add))));
        var taken = new List<ImageWork>();
        while (taken.Count < all.Count)
            taken.AddRange(await queue.TakeAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(20), Cancel));
        await adding;
        Assert.Equal(all.ToHashSet(), taken.ToHashSet());
        Assert.Equal(all.Count, taken.Count);
    }

    [Fact]
    public Task Images_of_different_methods_share_no_batch() =>
        AssertSeparateAsync(Plan.Of(Engine, AttributionMethod.Find("rollout")!, [Target.Predicted], ["predicted"]));

    [Fact]
    public Task Images_with_and_without_embedding_share_no_batch() =>
        AssertSeparateAsync(Plan.Of(Engine, AttributionMethod.Default, [Target.Predicted], ["predicted"], withEmbedding: false));

    private static async Task AssertSeparateAsync(Plan other)
    {
        var queue = new BatchQueue(8, TimeSpan.Zero);
        foreach (var plan in (Plan[])[Predicted, other, Predicted, other])
            queue.Add(Work(plan));
        Assert.Equal([Predicted, Predicted], (await queue.TakeAsync(Cancel)).Select(work => work.Plan));
        Assert.Equal([other, other], (await queue.TakeAsync(Cancel)).Select(work => work.Plan));
    }

    [Fact]
    public async Task Image_that_makes_a_batch_fail_fails_alone()
    {
        var device = new Device(new BatchQueue(8, TimeSpan.Zero), NullLogger<Device>.Instance);
        var plan = Plan.Of(new Picky(), AttributionMethod.Default, [Target.Predicted], ["predicted"]);
        var works = Enumerable.Range(0, 8).Select(i => new ImageWork(plan, Input(i), null, Lane.Bulk)).ToList();
        device.Explain(works);
        for (var i = 0; i < 8; i++)
            if (i == 5)
                await Assert.ThrowsAsync<InvalidOperationException>(() => works[5].Done);
            else
                Assert.NotNull(await works[i].Done);
    }

    private static Plan PlanOf(string target) =>
        Plan.Of(Engine, AttributionMethod.Default, [Target.Parse(target, Engine.Classes)], [target]);

    private static ImageWork Work(Plan plan, Lane lane = Lane.Bulk) => new(plan, Input(0), null, lane);

    private static EngineInput Input(int number) =>
        Engine.Prepare([0xFF, 0xD8, (byte)number], AgCam.Digest.Of([(byte)number]), ImageLimits.Default);

    /// <summary>Fails whenever image 5 is in the batch.</summary>
    private sealed class Picky : IExplainEngine
    {
        public ModelPin Model => Engine.Model;

        public ClassNames Classes => Engine.Classes;

        public ExplanationRecipe Recipe(ExplainOptions options) => Engine.Recipe(options);

        public Provenance Provenance(ExplainOptions options) => Engine.Provenance(options);

        public EngineInput Prepare(byte[] bytes, Digest digest, ImageLimits limits) => Engine.Prepare(bytes, digest, limits);

        public IReadOnlyList<Explanation> Explain(IReadOnlyList<EngineInput> images, IReadOnlyList<int?> labels, ExplainOptions options) =>
            images.Any(image => image.Digest == AgCam.Digest.Of([5]))
                ? throw new InvalidOperationException("not this one")
                : Engine.Explain(images, labels, options);

        public IReadOnlyList<AgCam.Heatmaps.BoundingBox> Boxes(
            AgCam.Heatmaps.Heatmap map,
            int originalWidth,
            int originalHeight,
            double threshold
        ) => [];

        public void Dispose() { }
    }
}
