using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Worker.Engines;
using Xunit;

namespace AgCam.Worker.Tests.Running;

/// <summary>Tests the states of a job in one process.</summary>
public sealed class JobTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Job_that_wants_embeddings_computes_explanations_that_another_job_stored_without_them()
    {
        using var pictures = new Pictures(10);
        var explained = 0;
        var engines = new ObservedLoader(images => Interlocked.Add(ref explained, images.Count));
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions(), engines);

        var without = await ExplanationsAsync(false);
        var with = await ExplanationsAsync(true);
        Assert.Equal(20, explained);
        Assert.Equal(without.Select(explanation => explanation.Id), (await ExplanationsAsync(false)).Select(explanation => explanation.Id));
        Assert.Equal(20, explained); // both are found

        Assert.All(without, explanation => Assert.Null(explanation.Embedding));
        Assert.All(with, explanation => Assert.Equal(2 * 768, explanation.Embedding!.Length));
        Assert.Equal(10, with.Select(explanation => Convert.ToHexString(explanation.Embedding!)).Distinct().Count());
        Assert.Equal(without.Select(explanation => explanation.Image), with.Select(explanation => explanation.Image));

        async Task<IReadOnlyList<StoredExplanation>> ExplanationsAsync(bool embedding)
        {
            var job = await process.SubmitAsync(Completion.Spec(pictures) with { Embedding = embedding });
            await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
            var items = await process.Store.Items.PageAsync(new ItemQuery { Job = job.Id }, Cancel);
            var found = await process.Store.Explanations.FindAsync([.. items.Items.Select(item => item.Explanation!.Value)], Cancel);
            return [.. found.OrderBy(explanation => explanation.Image)];
        }
    }

    [Fact]
    public async Task Cancelled_job_stops()
    {
        using var pictures = new Pictures(960);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions(), ObservedLoader.Slow(5));
        var job = await process.SubmitAsync(Completion.Spec(pictures));
        await process.WaitAsync(job.Id, job => job.Progress.ChunksDone >= 1);
        Assert.True(await process.Store.Jobs.CancelAsync(job.Id, "enough", Cancel));
        var cancelled = (await process.Store.Jobs.FindAsync(job.Id, Cancel))!;
        var inHand = new WorkerOptions().BulkChunks;
        await Task.Delay(3000, Cancel);
        var later = (await process.Store.Jobs.FindAsync(job.Id, Cancel))!;
        Assert.Equal(JobState.Cancelled, later.State);
        // Chunks in progress may still be saved.
        Assert.InRange(later.Progress.ChunksDone, cancelled.Progress.ChunksDone, cancelled.Progress.ChunksDone + inHand);
        Assert.Equal(later.Progress.Completed, (await process.Store.Items.RecountAsync(job.Id, Cancel)).Completed);
    }

    [Fact]
    public async Task Job_whose_first_images_fail_is_paused_with_the_reason_and_continues_when_resumed()
    {
        using var pictures = new Pictures(300, broken: 200);
        using var gate = new ManualResetEventSlim(); // holds the good images, so that the job is paused before it ends
        await using var process = await Processes.StartAsync(
            Processes.Options(pictures),
            new WorkerOptions(),
            new ObservedLoader(_ => gate.Wait())
        );
        await Completion.AfterFailuresAsync(process, pictures, gate);
    }

    [Fact]
    public async Task Job_for_a_model_that_cannot_be_loaded_is_paused_and_computes_nothing()
    {
        using var pictures = new Pictures(10);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var job = await process.SubmitAsync(
            Completion.Spec(pictures) with
            {
                Model = new ModelPin { Id = "unheard-of", Sha256 = Some.Digest("unheard-of") },
            }
        );
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Paused);
        Assert.Contains("unheard-of", job.Reason);
        await Eventually.TrueAsync(async () => (await process.Store.Chunks.FindAsync(job.Id, 0, Cancel))!.State == ChunkState.Planned);
        Assert.Equal(0, (await process.Store.Chunks.FindAsync(job.Id, 0, Cancel))!.Crashes);
    }

    [Fact]
    public async Task Job_paused_for_a_missing_model_completes_when_resumed_with_the_model()
    {
        using var pictures = new Pictures(130, broken: 1);
        var engines = new LateLoader();
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions(), engines);
        var job = await process.SubmitAsync(Completion.Spec(pictures));
        await process.WaitAsync(job.Id, job => job.State == JobState.Paused);
        Assert.True(await process.Store.Jobs.ResumeAsync(job.Id, Cancel)); // the model is still missing: the job is paused again
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Paused);
        Assert.Equal(0, job.Progress.Completed + job.Progress.Failed);
        engines.Has = true;
        Assert.True(await process.Store.Jobs.ResumeAsync(job.Id, Cancel));
        job = await process.WaitAsync(job.Id, job => job.State == JobState.Completed);
        Assert.Equal((129, 1), (job.Progress.Completed, job.Progress.Failed));
        for (var number = 0; number < 3; number++)
            Assert.Equal(
                (0, 0),
                (
                    (await process.Store.Chunks.FindAsync(job.Id, number, Cancel))!.Crashes,
                    (await process.Store.Chunks.FindAsync(job.Id, number, Cancel))!.Faults
                )
            );
    }

    [Fact]
    public async Task Job_whose_source_is_not_allowed_is_paused_with_the_reason()
    {
        using var pictures = new Pictures(0);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var job = await process.SubmitAsync(Completion.Spec(pictures) with { Source = "folder:/etc" });
        Assert.Contains("/etc", (await process.WaitAsync(job.Id, job => job.State == JobState.Paused)).Reason);
    }

    [Fact]
    public async Task Invalid_rows_of_a_manifest_fail_alone_and_fail_the_same_when_retried()
    {
        using var pictures = new Pictures(200);
        var manifest = Path.Combine(pictures.Folder, "m.csv");
        var rows = Enumerable
            .Range(0, 200)
            .Select(i =>
                i switch
                {
                    70 => $"{i},s3://bucket,cat,",
                    71 => $"{i},{pictures.PathOf(i)},{new string('l', 300)},",
                    72 => $"{i},,cat,",
                    150 => $"{i},nul\0.png,cat,",
                    _ => $"{i},{pictures.PathOf(i)},cat,{new string('c', 2000)}",
                }
            );
        File.WriteAllLines(manifest, [",path,label,caption", .. rows]);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());

        var job = await process.SubmitAsync(Completion.Spec(pictures) with { Source = $"manifest:{manifest}" });
        job = await process.WaitAsync(job.Id, job => job.State is JobState.Completed or JobState.Paused);

        Assert.Equal((JobState.Completed, 196, 4), (job.State, job.Progress.Completed, job.Progress.Failed));
        var failed = await process
            .Store.Items.AllAsync(new ItemQuery { Job = job.Id, Status = ItemStatus.Failed }, Cancel)
            .ToListAsync(Cancel);
        Assert.Equal([70, 71, 72, 150], failed.Select(item => item.Number).Order());
        Assert.All(failed, item => Assert.Equal(ReferenceFailure.Invalid, item.Reason));
        Assert.All(failed, item => Assert.StartsWith($"{manifest}, row {item.Number + 1}: the column ", item.Detail));
        Assert.Equal("s3://bucket", failed.Single(item => item.Number == 70).Uri);

        var retry = await process.SubmitAsync(Completion.Spec(pictures) with { Source = $"failures:{job.Id}", Parent = job.Id });
        await process.WaitAsync(retry.Id, job => job.State == JobState.Completed);
        var again = await process.Store.Items.AllAsync(new ItemQuery { Job = retry.Id }, Cancel).ToListAsync(Cancel);
        Assert.Equal(failed.Select(item => item.Detail).Order(), again.Select(item => item.Detail).Order());
    }

    [Fact]
    public async Task Request_for_a_class_that_the_model_does_not_have_fails_with_the_reason()
    {
        using var pictures = new Pictures(2);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var request = new ExplainImages
        {
            Key = "no such class",
            Model = NullEngine.Pin,
            Targets = ["class:unicorn"],
            References = [new ImageReference { Uri = pictures.PathOf(0) }],
        };
        await process.Store.Chunks.AcceptAsync(request, TimeSpan.FromMinutes(1), cancellationToken: Cancel);
        await process.Bus.PublishAsync(request, Cancel);
        await Eventually.TrueAsync(async () => await process.Store.Items.FindAsync(request.Owner, 0, Cancel) is not null);
        var item = (await process.Store.Items.FindAsync(request.Owner, 0, Cancel))!;
        Assert.Equal((ItemStatus.Failed, WorkerFailure.NoSuchTarget), (item.Status, item.Reason));
        Assert.Contains("unicorn", item.Detail);
    }

    [Fact]
    public async Task Failures_are_retried_as_a_job_of_their_own()
    {
        using var pictures = new Pictures(100, broken: 30);
        await using var process = await Processes.StartAsync(Processes.Options(pictures), new WorkerOptions());
        var first = await process.SubmitAsync(Completion.Spec(pictures));
        await process.WaitAsync(first.Id, job => job.State == JobState.Completed);
        for (var i = 0; i < 20; i++)
            File.WriteAllBytes(pictures.PathOf(i), [0x89, (byte)'P', (byte)'N', (byte)'G', (byte)i]);

        var retry = await process.SubmitAsync(Completion.Spec(pictures) with { Source = $"failures:{first.Id}", Parent = first.Id });
        retry = await process.WaitAsync(retry.Id, job => job.State == JobState.Completed);
        Assert.Equal((30, 20, 10), (retry.Images!.Value, retry.Progress.Completed, retry.Progress.Failed));
    }

    [Fact]
    [Trait("Runs", "isolated")] // compares times
    public async Task Short_job_behind_a_long_one_does_not_wait_for_its_end()
    {
        using var pictures = new Pictures(4000);
        using var few = new Pictures(512);
        var options = Processes.Options(pictures) with { References = new() { Roots = [pictures.Folder, few.Folder] } };
        await using var process = await Processes.StartAsync(options, new WorkerOptions(), ObservedLoader.Slow(2));
        var solo = await process.SubmitAsync(Completion.Spec(few) with { Targets = ["top:2"] });
        var single = (await process.WaitAsync(solo.Id, job => job.State == JobState.Completed)).Finished!.Value - solo.Created;

        var big = await process.SubmitAsync(Completion.Spec(pictures));
        await process.WaitAsync(big.Id, job => job.Progress.ChunksDone >= 2);
        var small = await process.SubmitAsync(Completion.Spec(few) with { Targets = ["top:3"] });
        var behind = (await process.WaitAsync(small.Id, job => job.State == JobState.Completed)).Finished!.Value - small.Created;

        TestContext.Current.TestOutputHelper?.WriteLine($"single {single.TotalSeconds:0.00} s, behind {behind.TotalSeconds:0.00} s");
        Assert.True(
            behind <= 3 * single + TimeSpan.FromSeconds(1),
            $"single {single.TotalSeconds:0.00} s, behind {behind.TotalSeconds:0.00} s"
        );
        var left = (await process.Store.Jobs.FindAsync(big.Id, Cancel))!;
        Assert.Equal(JobState.Running, left.State);
        await process.Store.Jobs.CancelAsync(big.Id, cancellationToken: Cancel);
    }
}
