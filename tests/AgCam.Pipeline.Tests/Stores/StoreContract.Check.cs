using AgCam.Pipeline.Jobs;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Tests the check and repair of a torn backup, which copied some tables or collections earlier than others.</summary>
public abstract partial class StoreContract
{
    /// <summary>Copies the tables <paramref name="early"/> before <paramref name="meanwhile"/> and the others after it.</summary>
    /// <returns>The copy as another store.</returns>
    private protected abstract Task<IStore> CopyTornAsync(string[] early, Func<Task> meanwhile);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_torn_copy_without_some_items_is_planned_again_and_completes(bool notified)
    {
        using var pictures = new Pictures(12);
        var job = await PicturedJobAsync(pictures, 3, 3, 3, 3);
        await ComputeAsync(Store, job, 2);
        await using var copy = await CopyTornAsync(
            ["explanations", "items"],
            async () =>
            {
                await ComputeAsync(Store, job, 2);
                if (notified)
                    await Store.Jobs.MarkNotifiedAsync(job, Cancel);
            }
        );
        Assert.Equal((JobState.Completed, 12), await StateAsync(copy, job));
        File.Delete(pictures.PathOf(7));

        var found = await CheckAsync(copy, pictures);
        Assert.Equal(
            [$"job {job}, chunk 2: 3 of 3 images have no record", $"job {job}, chunk 3: 3 of 3 images have no record"],
            found.Lines
        );
        Assert.Equal((1, 2, 0), (found.Result.Jobs, found.Result.Differences, found.Result.Repaired));
        Assert.Equal((JobState.Completed, 12), await StateAsync(copy, job)); // a check changes nothing

        var repaired = await CheckAsync(copy, pictures, repair: true);
        Assert.Equal((2, 2), (repaired.Result.Differences, repaired.Result.Repaired));
        Assert.Equal((JobState.Running, 6), await StateAsync(copy, job));
        var references = (await copy.Chunks.FindAsync(job, 2, Cancel))!.References;
        Assert.Equal([pictures.PathOf(6), pictures.PathOf(8), pictures.Folder], references.Select(reference => reference.Uri));
        Assert.Equal([6, 7, 8], references.Select(reference => reference.Number));
        Assert.Contains("is not in folder:", references[2].Refused);

        await ComputeAsync(copy, job, 2);
        var completed = (await copy.Jobs.FindAsync(job, Cancel))!;
        Assert.Equal(JobState.Completed, completed.State);
        Assert.Equal((11, 1, 4), (completed.Progress.Completed, completed.Progress.Failed, completed.Progress.ChunksDone));
        Assert.Equal(completed.Progress, await copy.Items.RecountAsync(job, Cancel));
        Assert.Equal(notified ? 0 : 1, (await copy.Jobs.PendingNotificationsAsync(100, Cancel)).Count); // no second webhook
        Assert.Empty((await CheckAsync(copy, pictures)).Lines);
    }

    [Fact]
    public async Task A_torn_copy_without_some_chunks_restores_them_from_the_items()
    {
        using var pictures = new Pictures(12);
        var job = (await Store.Jobs.CreateAsync(Some.Spec($"folder:{pictures.Folder}"), cancellationToken: Cancel)).Job.Id;
        await AddPicturesAsync(job, pictures, 3, 3);
        await using var copy = await CopyTornAsync(
            ["chunks", "references"],
            async () =>
            {
                await AddPicturesAsync(job, pictures, 4, 2);
                await Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel);
                await ComputeAsync(Store, job, 4);
            }
        );

        var found = await CheckAsync(copy, pictures, repair: true);

        Assert.Equal([$"job {job}: chunks 2 to 3 with 6 images are missing"], found.Lines);
        Assert.True(found.Result.IsWhole);
        Assert.Equal((JobState.Running, 0), await StateAsync(copy, job));
        await ComputeAsync(copy, job, 4);
        Assert.Equal((JobState.Completed, 12), await StateAsync(copy, job));
        Assert.Empty((await CheckAsync(copy, pictures)).Lines);
        Assert.Equal(12, (await copy.Items.PageAsync(new ItemQuery { Job = job }, Cancel)).Items.Count);
    }

    [Fact]
    public async Task A_torn_copy_without_some_explanations_computes_their_images_again()
    {
        using var pictures = new Pictures(6);
        var job = await PicturedJobAsync(pictures, 3, 3);
        await ComputeAsync(Store, job, 1);
        await using var copy = await CopyTornAsync(["explanations"], () => ComputeAsync(Store, job, 1));
        for (var i = 0; i < 6; i++)
            File.Delete(pictures.PathOf(i)); // the repair takes the originals from the records

        var found = await CheckAsync(copy, pictures, repair: true);

        Assert.Equal([$"job {job}, chunk 1: the explanations of 3 images are missing"], found.Lines);
        Assert.Null(await copy.Items.FindAsync(job, 4, Cancel));
        Assert.Equal(pictures.PathOf(4), (await copy.Chunks.FindAsync(job, 1, Cancel))!.References[1].Uri);
        await ComputeAsync(copy, job, 1);
        Assert.Equal((JobState.Completed, 6), await StateAsync(copy, job));
        Assert.Empty((await CheckAsync(copy, pictures)).Lines);
    }

    [Fact]
    public async Task Totals_newer_than_their_chunks_are_counted_again()
    {
        using var pictures = new Pictures(6);
        var job = await PicturedJobAsync(pictures, 3, 3);
        await ComputeAsync(Store, job, 1);
        await using var copy = await CopyTornAsync(["chunks", "references", "items", "explanations"], () => ComputeAsync(Store, job, 1));

        var found = await CheckAsync(copy, pictures, repair: true);

        const string Totals = "2 chunks with 6 completed and 0 failed images",
            Records = "1 chunks with 3 completed and 0 failed images";
        Assert.Equal([$"job {job}: its totals say {Totals}, its records {Records}"], found.Lines);
        Assert.Equal((JobState.Running, 3), await StateAsync(copy, job));
        await ComputeAsync(copy, job, 1);
        Assert.Equal((JobState.Completed, 6), await StateAsync(copy, job));
        Assert.Empty((await CheckAsync(copy, pictures)).Lines);
    }

    [Fact]
    public async Task A_source_that_cannot_be_read_stays_a_difference()
    {
        using var pictures = new Pictures(3);
        var job = await PicturedJobAsync(pictures, 3);
        await using var copy = await CopyTornAsync(["items"], () => ComputeAsync(Store, job, 1));
        using var elsewhere = new Pictures(0);

        var found = await CheckAsync(copy, elsewhere, repair: true);

        Assert.Equal((1, 0), (found.Result.Differences, found.Result.Repaired));
        Assert.Contains("cannot be planned again", found.Lines[1]);
        Assert.True((await CheckAsync(copy, pictures, repair: true)).Result.IsWhole);
        await ComputeAsync(copy, job, 1);
        Assert.Empty((await CheckAsync(copy, pictures)).Lines);
    }

    [Fact]
    public async Task Records_removed_by_retention_and_deletion_are_not_a_difference()
    {
        using var pictures = new Pictures(6);
        var (kept, deleted) = (await PicturedJobAsync(pictures, 3), await PicturedJobAsync(pictures, 3));
        await ComputeAsync(Store, kept, 1);
        await ComputeAsync(Store, deleted, 1);
        var request = Some.Request("gone");
        await Store.Chunks.AcceptAsync(request, Hour, cancellationToken: Cancel);
        var answer = await Store.Chunks.LeaseAsync(request, "worker", Minute, cancellationToken: Cancel);
        await SaveAsync(Some.Result(answer.Lease!, answer.Chunk!, Now));
        await Store.Jobs.DeleteAsync(deleted, Cancel);
        Clock.Advance(Hour);
        await Store.Chunks.ForgetRequestsAsync(Minute, cancellationToken: Cancel);
        await Store.Explanations.PruneAsync(Minute, Minute, cancellationToken: Cancel);
        Clock.Advance(Hour);
        await Store.Explanations.PruneAsync(Minute, Minute, cancellationToken: Cancel);
        var cancelled = await PicturedJobAsync(pictures, 3);
        await Store.Jobs.CancelAsync(cancelled, cancellationToken: Cancel);

        var found = await CheckAsync(Store, pictures);

        Assert.Empty(found.Lines);
        Assert.Equal((2, 0), (found.Result.Jobs, found.Result.Requests));
    }

    [Fact]
    public async Task A_done_request_without_items_and_chunks_without_a_job_are_removed()
    {
        using var pictures = new Pictures(3);
        var request = Some.Request("torn");
        await Store.Chunks.AcceptAsync(request, Hour, cancellationToken: Cancel);
        Guid job = default;
        await using var copy = await CopyTornAsync(
            ["jobs", "owners", "items"],
            async () =>
            {
                var answer = await Store.Chunks.LeaseAsync(request, "worker", Minute, cancellationToken: Cancel);
                await SaveAsync(Some.Result(answer.Lease!, answer.Chunk!, Now));
                job = await PicturedJobAsync(pictures, 3);
            }
        );

        var found = await CheckAsync(copy, pictures, repair: true);

        Assert.Contains($"request {request.Owner}: 1 of 1 images have no record; send it again", found.Lines);
        Assert.True(found.Result.IsWhole);
        Assert.Null(await copy.Chunks.FindAsync(request.Owner, 0, Cancel));
        Assert.Null(await copy.Chunks.FindAsync(job, 0, Cancel));
        Assert.Empty((await CheckAsync(copy, pictures)).Lines);
    }

    private protected async Task<Guid> PicturedJobAsync(Pictures pictures, params int[] sizes)
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec($"folder:{pictures.Folder}"), cancellationToken: Cancel)).Job.Id;
        await AddPicturesAsync(job, pictures, sizes);
        await Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel);
        return job;
    }

    private async Task AddPicturesAsync(Guid job, Pictures pictures, params int[] sizes)
    {
        var tail = await Store.Jobs.PlanTailAsync(job, Cancel);
        var from = tail.NextImage;
        var chunks = new List<IReadOnlyList<ImageReference>>();
        foreach (var size in sizes)
        {
            var numbers = Enumerable.Range(from, size);
            chunks.Add([.. numbers.Select(number => new ImageReference { Number = number, Uri = pictures.PathOf(number) })]);
            from += size;
        }
        Assert.NotNull(await Store.Jobs.AddChunksAsync(job, tail, chunks, Cancel));
    }

    /// <summary>Computes the next chunks as a worker does. Refused references fail.</summary>
    private protected async Task ComputeAsync(IStore store, Guid job, int chunks)
    {
        for (var i = 0; i < chunks; i++)
        {
            var chunk = Assert.Single(await store.Chunks.ClaimPlannedAsync(job, 1, Hour, Cancel));
            var answer = await store.Chunks.LeaseAsync(Some.Message(chunk), "worker", Minute, cancellationToken: Cancel);
            Assert.Equal(LeaseOutcome.Granted, answer.Outcome);
            var items = answer
                .Chunk!.References.Select(reference =>
                    (
                        reference.Refused is null
                            ? Some.Item(job, reference.Number, Now, null)
                            : Some.Failure(job, reference.Number, Now, ReferenceFailure.Invalid)
                    ) with
                    {
                        Uri = reference.Uri,
                    }
                )
                .ToList();
            var explanations = items.Where(item => item.Explanation is not null).Select(item => Some.Explanation(item.Number)).ToList();
            var saved = Assert.Single(await store.Chunks.SaveAsync([new ChunkResult(answer.Lease!, explanations, items)], Cancel));
            Assert.Equal(SaveOutcome.Saved, saved.Outcome);
        }
    }

    private static async Task<(JobState State, int Completed)> StateAsync(IStore store, Guid job)
    {
        var found = (await store.Jobs.FindAsync(job, Cancel))!;
        return (found.State, found.Progress.Completed);
    }

    private protected static async Task<(StoreCheckResult Result, List<string> Lines)> CheckAsync(
        IStore store,
        Pictures pictures,
        bool repair = false
    )
    {
        using var references = new ReferenceReader(new ReferenceOptions { Roots = [pictures.Folder] }, store.Uploads);
        var lines = new List<string>();
        return (await new StoreCheck(store, references, repair, lines.Add).RunAsync(Cancel), lines);
    }
}
