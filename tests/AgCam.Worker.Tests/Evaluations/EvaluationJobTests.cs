using System.Text;
using System.Text.Json;
using AgCam.Evaluation.Datasets;
using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Evaluations;

/// <summary>Tests planning and pausing of evaluation jobs. EvaluationJobTests of the command line test the results.</summary>
public sealed class EvaluationJobTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static JobSpec Spec(Pictures pictures) => Some.Evaluation(pictures.Folder) with { Model = NullEngine.Pin };

    [Fact]
    public async Task Chunks_are_whole_batches_in_the_order_of_the_dataset()
    {
        using var pictures = new Pictures(11);
        await using var process = await Processes.StartAsync(Processes.Options(pictures));
        var job = await process.SubmitAsync(Spec(pictures));
        job = await process.WaitAsync(job.Id, job => job.Chunks is not null);

        Assert.Equal((11, 3), (job.Images, job.Chunks));
        var planned = new List<ImageReference>();
        for (var number = 0; number < 3; number++)
            planned.AddRange((await process.Store.Chunks.FindAsync(job.Id, number, Cancel))!.References);
        Assert.Equal(Dataset.Read(pictures.Folder).Select(sample => sample.Key), planned.Select(SampleReference.Key));
        Assert.Equal(4, (await process.Store.Chunks.FindAsync(job.Id, 0, Cancel))!.Count);
    }

    [Fact]
    public async Task Worker_whose_engine_cannot_evaluate_pauses_the_job_with_one_reason()
    {
        using var pictures = new Pictures(9);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var job = await process.SubmitAsync(Spec(pictures));
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Paused);
        Assert.StartsWith("no-such-method: ", job.Reason);
        Assert.Empty(await process.Store.Rows.PageAsync(job.Id, 0, cancellationToken: Cancel));
    }

    [Fact]
    public async Task Worker_that_may_not_read_the_dataset_pauses_the_job()
    {
        using var pictures = new Pictures(9);
        using var elsewhere = new Pictures(1);
        var id = await PlannedAsync(pictures);
        var options = Processes.Options(pictures) with { References = Processes.Options(elsewhere).References };
        await using var process = await Processes.StartAsync(options, new WorkerOptions());
        var job = await process.WaitAsync(id, job => job.State == JobState.Paused);
        Assert.StartsWith("not-allowed: ", job.Reason);
    }

    [Fact]
    public async Task Dataset_that_changed_after_planning_pauses_the_job()
    {
        using var pictures = new Pictures(9);
        var id = await PlannedAsync(pictures);
        File.Move(pictures.PathOf(0), Path.Combine(pictures.Folder, "zzz.png"));
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var job = await process.WaitAsync(id, job => job.State == JobState.Paused);
        Assert.StartsWith("another-dataset: ", job.Reason);
    }

    [Fact]
    public async Task Chunk_that_keeps_failing_ends_with_rows_that_state_the_failure()
    {
        using var pictures = new Pictures(5);
        await using var process = await Processes.StartAsync(
            Processes.Options(pictures),
            new WorkerOptions { MaxFaults = 2, LeaseSeconds = 2 },
            new Broken()
        );
        var job = await process.SubmitAsync(Spec(pictures));
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);

        Assert.Equal((0, 5), (job.Progress.Completed, job.Progress.Failed));
        var rows = await process.Store.Rows.PageAsync(job.Id, 0, cancellationToken: Cancel);
        Assert.All(rows, chunk => Assert.Null(chunk.Header));
        using var text = new MemoryStream();
        foreach (var chunk in rows)
            chunk.WriteTo(text);
        var images = Encoding
            .UTF8.GetString(text.ToArray())
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize<JsonElement>(line).GetProperty("row"))
            .ToList();
        Assert.Equal(
            Dataset.Read(pictures.Folder).Select(sample => sample.Key),
            images.Select(row => row.GetProperty("image").GetString())
        );
        Assert.All(images, row => Assert.Equal(WorkerFailure.GivenUp, row.GetProperty("skipped").GetString()));
        Assert.All(images, row => Assert.False(row.TryGetProperty("label", out _) || row.TryGetProperty("correct", out _)));
    }

    /// <summary>Plans a job in a process without a worker, which then ends.</summary>
    private static async Task<Guid> PlannedAsync(Pictures pictures)
    {
        await using var process = await Processes.StartAsync(Processes.Options(pictures));
        var job = await process.SubmitAsync(Spec(pictures));
        return (await process.WaitAsync(job.Id, job => job.Chunks is not null)).Id;
    }

    private sealed class Broken : IEngineLoader
    {
        public Task<IExplainEngine> LoadAsync(ModelPin model, string dtype, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("out of sorts");
    }
}
