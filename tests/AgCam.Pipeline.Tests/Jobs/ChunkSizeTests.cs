using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Jobs;

public sealed class ChunkSizeTests
{
    private readonly FakeClock _clock = new();
    private readonly ModelStore _store;

    public ChunkSizeTests() => _store = new ModelStore(_clock);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 64)] // below the minimum size
    [InlineData(20, 100)]
    [InlineData(40, 200)]
    [InlineData(5000, 256)]
    public void Chunk_has_the_images_that_take_about_the_target_time(double perSecond, int size) =>
        Assert.Equal(size, ChunkSize.For(new Pace(perSecond, perSecond, 8), new PipelineOptions { ChunkSeconds = 5 }));

    [Fact]
    public void Model_without_a_measured_pace_gets_the_minimum() => Assert.Equal(64, ChunkSize.For(null, new PipelineOptions()));

    [Theory]
    [InlineData(0, 8, 8)] // unknown pace: one batch
    [InlineData(0.1, 8, 8)]
    [InlineData(5, 8, 24)]
    [InlineData(5000, 8, 256)]
    [InlineData(5000, 100, 200)]
    [InlineData(5000, 256, 256)]
    public void Chunk_of_an_evaluation_has_whole_batches(double perSecond, int batch, int size) =>
        Assert.Equal(
            size,
            ChunkSize.Whole(perSecond == 0 ? null : new Pace(perSecond, perSecond, 8), batch, new PipelineOptions { ChunkSeconds = 5 })
        );

    [Fact]
    public async Task Evaluation_has_a_pace_of_its_own()
    {
        await RunAsync(Some.Evaluation("/val"), chunks: 8, images: 16, TimeSpan.FromSeconds(8));

        Assert.Null(await Pace.OfAsync(_store, Some.Spec(), Cancel));
        Assert.Equal(2, (await Pace.OfAsync(_store, Some.Evaluation("/other"), Cancel))!.PerChunkSecond);
        Assert.Equal(8, await new ChunkSize(_store, new PipelineOptions { ChunkSeconds = 5 }, Some.Evaluation("/other")).NextAsync(Cancel));
        var longer = Some.Evaluation("/val") with
        {
            Evaluation = Some.Evaluation("/val").Evaluation! with { Methods = ["agcam", "rollout", "generic"] },
        };
        Assert.Null(await Pace.OfAsync(_store, longer, Cancel));
    }

    [Fact]
    public async Task Pace_is_that_of_the_models_last_chunks()
    {
        Assert.Null(await Pace.OfAsync(_store, Some.Spec(), Cancel));
        await RunAsync(Some.Spec(), chunks: 20, images: 64, TimeSpan.FromSeconds(2));
        await RunAsync(Some.Spec() with { Model = Some.Model with { Id = "other" } }, chunks: 20, images: 64, TimeSpan.FromSeconds(64));

        var pace = (await Pace.OfAsync(_store, Some.Spec(), Cancel))!;

        Assert.Equal((32, 8), (pace.PerChunkSecond, pace.Chunks));
        Assert.Equal(32, pace.PerSecond); // one worker, one chunk at a time
        Assert.Null(await Pace.OfAsync(_store, Some.Spec() with { Dtype = "float16" }, Cancel));
        Assert.Null(await Pace.OfAsync(_store, Some.Spec() with { Method = "generic" }, Cancel));
        Assert.Equal(160, await new ChunkSize(_store, new PipelineOptions { ChunkSeconds = 5 }, Some.Spec()).NextAsync(Cancel));
    }

    private async Task RunAsync(JobSpec spec, int chunks, int images, TimeSpan each)
    {
        var job = (await ((IJobs)_store).CreateAsync(spec, null, Cancel)).Job.Id;
        await _store.AddChunksAsync(
            job,
            await _store.PlanTailAsync(job, Cancel),
            [.. Enumerable.Range(0, chunks).Select(i => Some.References(i * images, images))],
            Cancel
        );
        for (var i = 0; i < chunks; i++)
        {
            var chunk = Assert.Single(await _store.ClaimPlannedAsync(job, 1, TimeSpan.FromHours(1), Cancel));
            var lease = (await _store.LeaseAsync(Some.Message(chunk), "w", TimeSpan.FromHours(1), false, Cancel)).Lease!;
            _clock.Advance(each);
            await _store.SaveAsync([Some.Result(lease, chunk, _clock.Now())], Cancel);
        }
    }
}
