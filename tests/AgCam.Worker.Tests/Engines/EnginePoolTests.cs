using System.Collections.Concurrent;
using AgCam.Models;
using AgCam.Pipeline.Messages;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Engines;

public sealed class EnginePoolTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Models_stay_loaded_while_they_fit()
    {
        var loader = new SizedLoader(("a", 40), ("b", 60));
        using var pool = new EnginePool(loader, 100);
        for (var round = 0; round < 3; round++)
            foreach (var name in new[] { "a", "b" })
                await UseAsync(pool, name);
        Assert.Equal(["+a", "+b"], loader.Events);
        Assert.Equal(100, pool.Used);
    }

    [Fact]
    public async Task Least_recently_used_models_are_unloaded_and_no_more_than_needed()
    {
        var loader = new SizedLoader(("a", 30), ("b", 30), ("c", 30), ("d", 40));
        using var pool = new EnginePool(loader, 100);
        foreach (var name in new[] { "a", "b", "c", "a", "d" })
            await UseAsync(pool, name);
        Assert.Equal(["+a", "+b", "+c", "-b", "+d"], loader.Events);
        Assert.Equal(100, pool.Used);
    }

    [Fact]
    public async Task Model_in_use_is_waited_for_and_never_unloaded()
    {
        var loader = new SizedLoader(("a", 60), ("b", 60));
        using var pool = new EnginePool(loader, 100);
        var first = await pool.UseAsync(Pin("a"), "float32", Cancel);
        var second = await pool.UseAsync(Pin("a"), "float32", Cancel);
        var waiting = pool.UseAsync(Pin("b"), "float32", Cancel);
        first.Dispose();
        first.Dispose(); // a second Dispose has no effect
        Assert.False(waiting.IsCompleted);
        Assert.Equal(["+a"], loader.Events);
        second.Dispose();
        using var use = await waiting.WaitAsync(TimeSpan.FromSeconds(60), Cancel);
        Assert.Equal("b", use.Engine.Model.Id);
        Assert.Equal(["+a", "-a", "+b"], loader.Events);
    }

    [Fact]
    public async Task Model_in_constant_use_does_not_starve_others()
    {
        var loader = new SizedLoader(("a", 60), ("b", 60));
        using var pool = new EnginePool(loader, 100);
        var held = await pool.UseAsync(Pin("a"), "float32", Cancel);
        var other = pool.UseAsync(Pin("b"), "float32", Cancel);
        var again = pool.UseAsync(Pin("a"), "float32", Cancel); // queued behind the waiting model although its own is loaded
        Assert.False(again.IsCompleted);
        held.Dispose();
        (await other.WaitAsync(TimeSpan.FromSeconds(60), Cancel)).Dispose();
        (await again.WaitAsync(TimeSpan.FromSeconds(60), Cancel)).Dispose();
        Assert.Equal(["+a", "-a", "+b", "-b", "+a"], loader.Events);
    }

    [Fact]
    public async Task Cancelled_wait_does_not_block_the_next_one()
    {
        var loader = new SizedLoader(("a", 60), ("b", 60));
        using var pool = new EnginePool(loader, 100);
        using var held = await pool.UseAsync(Pin("a"), "float32", Cancel);
        using var impatient = new CancellationTokenSource();
        var waiting = pool.UseAsync(Pin("b"), "float32", impatient.Token);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        (await pool.UseAsync(Pin("a"), "float32", Cancel)).Dispose();
        Assert.Equal(["+a"], loader.Events);
    }

    [Fact]
    public async Task Model_larger_than_the_budget_is_refused_and_unloads_nothing()
    {
        var loader = new SizedLoader(("a", 60), ("huge", 101));
        using var pool = new EnginePool(loader, 100);
        await UseAsync(pool, "a");
        var refused = await Assert.ThrowsAsync<ModelException>(() => UseAsync(pool, "huge"));
        Assert.Equal(WorkerFailure.ModelTooLarge, refused.Reason);
        Assert.Equal(["+a"], loader.Events);
    }

    [Fact]
    public async Task Concurrent_uses_of_one_model_load_it_once()
    {
        var loader = new SizedLoader(("a", 60));
        using var pool = new EnginePool(loader, 100);
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => UseAsync(pool, "a"), Cancel)));
        Assert.Equal(["+a"], loader.Events);
    }

    [Fact]
    public async Task Warming_up_stops_when_the_memory_is_full()
    {
        var loader = new SizedLoader(("a", 60), ("b", 30), ("c", 30));
        using var pool = new EnginePool(loader, 100);
        Assert.Equal(2, await pool.WarmUpAsync([Pin("a"), Pin("b"), Pin("c")], "float32", Cancel));
        Assert.Equal(["+a", "+b"], loader.Events);
    }

    private static ModelPin Pin(string name) => new() { Id = name, Sha256 = Some.Digest(name) };

    private static async Task UseAsync(EnginePool pool, string name)
    {
        using var use = await pool.UseAsync(Pin(name), "float32", Cancel);
        Assert.Equal(name, use.Engine.Model.Id);
    }

    /// <summary>Loads null engines with given sizes and records loads and unloads.</summary>
    private sealed class SizedLoader(params (string Name, long Bytes)[] models) : IEngineLoader
    {
        private readonly ConcurrentQueue<string> _events = new();

        public IReadOnlyList<string> Events => [.. _events];

        public Task<long> BytesAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
            Task.FromResult(models.Single(item => item.Name == model.Id).Bytes);

        public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken)
        {
            _events.Enqueue($"+{model.Id}");
            return Task.FromResult<IExplainEngine>(new Sized(new NullEngine(model, dtype), () => _events.Enqueue($"-{model.Id}")));
        }

        private sealed class Sized(NullEngine engine, Action unloaded) : IExplainEngine
        {
            public ModelPin Model => engine.Model;

            public ClassNames Classes => engine.Classes;

            public ExplanationRecipe Recipe(ExplainOptions options) => engine.Recipe(options);

            public Provenance Provenance(ExplainOptions options) => engine.Provenance(options);

            public EngineInput Prepare(byte[] bytes, Digest digest, AgCam.Images.ImageLimits limits) =>
                engine.Prepare(bytes, digest, limits);

            public IReadOnlyList<Explanation> Explain(
                IReadOnlyList<EngineInput> images,
                IReadOnlyList<int?> labels,
                ExplainOptions options
            ) => engine.Explain(images, labels, options);

            public IReadOnlyList<AgCam.Heatmaps.BoundingBox> Boxes(
                AgCam.Heatmaps.Heatmap map,
                int originalWidth,
                int originalHeight,
                double threshold
            ) => engine.Boxes(map, originalWidth, originalHeight, threshold);

            public void Dispose() => unloaded();
        }
    }
}
