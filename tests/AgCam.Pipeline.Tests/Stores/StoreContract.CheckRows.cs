using AgCam.Evaluation.Datasets;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>The repair of evaluations, whose chunks have measured rows and are whole batches.</summary>
public abstract partial class StoreContract
{
    private const int Batch = 4;

    [Fact]
    public async Task Chunk_whose_rows_are_lost_is_measured_again()
    {
        using var pictures = new Pictures(11);
        var job = await EvaluationAsync(pictures);
        await PlanAsync(job, pictures, 0, 3);
        await MeasureAsync(Store, job, 1);
        await using var copy = await CopyTornAsync(["rows"], () => MeasureAsync(Store, job, 2));
        Assert.Equal((JobState.Completed, 11), await StateAsync(copy, job));

        var found = await CheckAsync(copy, pictures);
        Assert.Equal(
            [$"job {job}, chunk 1: its measured rows are missing", $"job {job}, chunk 2: its measured rows are missing"],
            found.Lines
        );
        Assert.Equal((JobState.Completed, 11), await StateAsync(copy, job));

        Assert.True((await CheckAsync(copy, pictures, repair: true)).Result.IsWhole);
        Assert.Equal((JobState.Running, 4), await StateAsync(copy, job));
        await AssertIsSampleAsync(copy, job, pictures, 1, 4, 4);
        await MeasureAsync(copy, job, 2);
        await AssertWholeAsync(copy, job, pictures);
    }

    [Fact]
    public async Task Evaluation_that_lost_records_and_rows_takes_its_images_from_the_dataset()
    {
        using var pictures = new Pictures(11);
        var job = await EvaluationAsync(pictures);
        await PlanAsync(job, pictures, 0, 3);
        await MeasureAsync(Store, job, 1);
        await using var copy = await CopyTornAsync(["items", "rows"], () => MeasureAsync(Store, job, 2));

        var found = await CheckAsync(copy, pictures, repair: true);

        Assert.Equal(
            [$"job {job}, chunk 1: 4 of 4 images have no record", $"job {job}, chunk 2: 3 of 3 images have no record"],
            found.Lines
        );
        Assert.True(found.Result.IsWhole);
        await AssertIsSampleAsync(copy, job, pictures, 2, 8, 3);
        await MeasureAsync(copy, job, 2);
        await AssertWholeAsync(copy, job, pictures);
    }

    [Fact]
    public async Task Lost_chunks_of_an_evaluation_come_back_as_whole_batches()
    {
        using var pictures = new Pictures(11);
        var job = await EvaluationAsync(pictures);
        await PlanAsync(job, pictures, 0, 1);
        await using var copy = await CopyTornAsync(
            ["chunks", "references"],
            async () =>
            {
                await PlanAsync(job, pictures, 1, 2);
                await MeasureAsync(Store, job, 3);
            }
        );

        var found = await CheckAsync(copy, pictures, repair: true);

        Assert.Equal([$"job {job}: chunks 1 to 2 with 7 images are missing"], found.Lines);
        Assert.True(found.Result.IsWhole);
        await AssertIsSampleAsync(copy, job, pictures, 1, 4, 4);
        await AssertIsSampleAsync(copy, job, pictures, 2, 8, 3);
        await MeasureAsync(copy, job, 3);
        await AssertWholeAsync(copy, job, pictures);
    }

    private async Task<Guid> EvaluationAsync(Pictures pictures)
    {
        var spec = Some.Evaluation(pictures.Folder);
        Assert.Equal(Batch, spec.Evaluation!.Batch);
        return (await Store.Jobs.CreateAsync(spec, cancellationToken: Cancel)).Job.Id;
    }

    /// <summary>Plans the next batches of the dataset; the third is its last.</summary>
    private async Task PlanAsync(Guid job, Pictures pictures, int from, int batches)
    {
        var samples = Samples(pictures);
        var chunks = samples.Chunk(Batch).Skip(from).Take(batches).ToList<IReadOnlyList<ImageReference>>();
        var tail = await Store.Jobs.PlanTailAsync(job, Cancel);
        Assert.NotNull(await Store.Jobs.AddChunksAsync(job, tail, chunks, Cancel));
        if ((from + batches) * Batch >= samples.Length)
            await Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel);
    }

    private static ImageReference[] Samples(Pictures pictures) =>
        [.. Dataset.Read(pictures.Folder).Select((sample, number) => SampleReference.Of(sample) with { Number = number })];

    private async Task MeasureAsync(IStore store, Guid job, int chunks)
    {
        for (var i = 0; i < chunks; i++)
        {
            var claimed = Assert.Single(await store.Chunks.ClaimPlannedAsync(job, 1, Hour, Cancel));
            var answer = await store.Chunks.LeaseAsync(Some.Message(claimed), "worker", Minute, cancellationToken: Cancel);
            var (chunk, measured) = (answer.Chunk!, Measured(answer.Lease!, answer.Chunk!));
            var items = measured.Items.Zip(
                chunk.References,
                (item, reference) => item with { Uri = reference.Uri, Metadata = reference.Metadata }
            );
            var saved = Assert.Single(await store.Chunks.SaveAsync([measured with { Items = [.. items] }], Cancel));
            Assert.Equal(SaveOutcome.Saved, saved.Outcome);
        }
    }

    /// <summary>Asserts that the chunk has these samples. A worker finds a sample by its number and checks its key.</summary>
    private static async Task AssertIsSampleAsync(IStore store, Guid job, Pictures pictures, int chunk, int first, int count)
    {
        var references = (await store.Chunks.FindAsync(job, chunk, Cancel))!.References;
        var samples = Samples(pictures)[first..(first + count)];
        Assert.Equal(
            samples.Select(sample => (sample.Number, sample.Uri, SampleReference.Key(sample))),
            references.Select(reference => (reference.Number, reference.Uri, SampleReference.Key(reference)))
        );
        Assert.All(references, reference => Assert.Null(reference.Refused));
    }

    private async Task AssertWholeAsync(IStore store, Guid job, Pictures pictures)
    {
        Assert.Equal((JobState.Completed, 11), await StateAsync(store, job));
        Assert.Empty((await CheckAsync(store, pictures)).Lines);
        Assert.Equal(11, (await store.Items.PageAsync(new ItemQuery { Job = job }, Cancel)).Items.Count);
        var rows = await store.Rows.PageAsync(job, 0, cancellationToken: Cancel);
        Assert.Equal([0, 1, 2], rows.Select(chunk => chunk.Chunk));
        Assert.Equal(string.Concat(Enumerable.Range(0, 11).Select(number => $"measured {number}\n")), string.Concat(rows.Select(Text)));
    }
}
