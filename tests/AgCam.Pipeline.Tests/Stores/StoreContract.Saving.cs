using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    [Fact]
    public async Task Saved_records_are_found_by_another_process()
    {
        var job = await PlannedJobAsync(3);
        var (chunk, lease) = await LeaseNextAsync(job.Id);
        var first = Some.Item(job.Id, 0, Now, null, probability: 0.875f, label: "dog") with
        {
            Kind = ReferenceKind.Http,
            Uri = "https://example.org/a.jpg",
            Split = "val",
            Stamp = "v1",
            LabelLogit = -1.5f,
            Metadata = new Dictionary<string, string> { ["site"] = "north", ["a.$b"] = "" },
        };
        var failed = Some.Failure(job.Id, 1, Now);
        var explanation = Some.Explanation(0) with { LabelLogit = 2.5f, Embedding = [1, 2, 3, 4] };
        var answer = await SaveAsync(
            new ChunkResult(lease, [explanation, Some.Explanation(2)], [first, failed, Some.Item(job.Id, 2, Now, null)])
        );
        Assert.Equal((SaveOutcome.Saved, 2, 3, true), (answer.Outcome, answer.NewExplanations, answer.NewItems, answer.JobCompleted));

        await using var reopened = await ReopenAsync(Clock);
        await reopened.MigrateAsync(Cancel);

        AssertSame(first, (await reopened.Items.FindAsync(job.Id, 0, Cancel))!);
        AssertSame(failed, (await reopened.Items.FindAsync(job.Id, 1, Cancel))!);
        Assert.Null(await reopened.Items.FindAsync(job.Id, 3, Cancel));
        AssertSame(explanation, await reopened.Explanations.FindAsync(explanation.Id, Cancel));
        Assert.Null(await reopened.Explanations.FindAsync(Some.Digest("nothing"), Cancel));
        Assert.Equal(
            2,
            (
                await reopened.Explanations.FindAsync(
                    [explanation.Id, Some.Explanation(2).Id, Some.Digest("nothing"), explanation.Id],
                    Cancel
                )
            ).Count
        );
        var done = (await reopened.Chunks.FindAsync(job.Id, chunk.Number, Cancel))!;
        Assert.Equal((ChunkState.Done, 3, Now, 0), (done.State, done.Count, done.Done, done.References.Count));
        var completed = (await reopened.Jobs.FindAsync(job.Id, Cancel))!;
        Assert.Equal((JobState.Completed, Now), (completed.State, completed.Finished));
        Assert.Equal(
            new JobProgress
            {
                ChunksDone = 1,
                Completed = 2,
                Failed = 1,
                Labelled = 1,
            },
            completed.Progress
        );
    }

    [Fact]
    public async Task Only_the_last_chunk_completes_the_job()
    {
        var job = (await PlannedJobAsync(2, 2, 2)).Id;
        for (var i = 0; i < 3; i++)
        {
            var (chunk, lease) = await LeaseNextAsync(job);
            Assert.Equal(i == 2, (await SaveAsync(Some.Result(lease, chunk, Now))).JobCompleted);
        }

        Assert.Equal([job], (await Store.Jobs.PendingNotificationsAsync(cancellationToken: Cancel)).Select(pending => pending.Id));
        Assert.Equal(new JobProgress { ChunksDone = 3, Completed = 6 }, (await Store.Jobs.FindAsync(job, Cancel))!.Progress);
    }

    [Fact]
    public async Task A_job_whose_chunks_are_done_early_completes_when_its_planning_ends()
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel)).Job.Id;
        await AddAsync(job, 2, 1);
        for (var i = 0; i < 2; i++)
        {
            var (chunk, lease) = await LeaseNextAsync(job);
            Assert.False((await SaveAsync(Some.Result(lease, chunk, Now))).JobCompleted);
        }
        Assert.Equal(JobState.Running, (await Store.Jobs.FindAsync(job, Cancel))!.State);

        Assert.Equal(JobState.Completed, (await Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel))!.State);
    }

    [Fact]
    public async Task Chunks_saved_concurrently_are_counted_once_and_complete_the_job_once()
    {
        const int Chunks = 40,
            Size = 3;
        var job = (await PlannedJobAsync([.. Enumerable.Repeat(Size, Chunks)])).Id;
        var claimed = await Store.Chunks.ClaimPlannedAsync(job, Chunks, Hour, Cancel);
        var results = new List<ChunkResult>();
        foreach (var chunk in claimed)
        {
            var lease = (await Store.Chunks.LeaseAsync(Some.Message(chunk), "w", Minute, cancellationToken: Cancel)).Lease!;
            results.Add(Some.Result(lease, chunk, Now));
        }

        // Each chunk is saved twice at the same time: in a call of its own and in a call of four.
        var calls = results
            .Chunk(4)
            .Select(four => Store.Chunks.SaveAsync(four, Cancel))
            .Concat(results.Select(item => Store.Chunks.SaveAsync([item], Cancel)));
        var answers = (await Task.WhenAll(calls)).SelectMany(answer => answer).ToList();

        Assert.Equal(Chunks, answers.Count(answer => answer.Outcome == SaveOutcome.Saved));
        Assert.Equal(Chunks, answers.Count(answer => answer.Outcome == SaveOutcome.AlreadyDone));
        Assert.Single(answers, answer => answer.JobCompleted);
        var found = (await Store.Jobs.FindAsync(job, Cancel))!;
        Assert.Equal(
            (JobState.Completed, new JobProgress { ChunksDone = Chunks, Completed = Chunks * Size }),
            (found.State, found.Progress)
        );
        Assert.Equal(found.Progress, await Store.Items.RecountAsync(job, Cancel));
    }

    [Fact]
    public async Task A_done_chunk_answers_with_its_stored_counts()
    {
        var job = await PlannedJobAsync(2, 3);
        await LeaseNextAsync(job.Id);
        var (chunk, lease) = await LeaseNextAsync(job.Id);
        var result = new ChunkResult(
            lease,
            [Some.Explanation(2), Some.Explanation(4)],
            [
                Some.Item(job.Id, 2, Now, null, "dog", label: "dog"),
                Some.Failure(job.Id, 3, Now),
                Some.Item(job.Id, 4, Now, null, "dog", label: "cat"),
            ]
        );
        var sum = new JobProgress
        {
            ChunksDone = 1,
            Completed = 2,
            Failed = 1,
            Correct = 1,
            Labelled = 2,
        };
        Assert.Null(chunk.Sum);
        Assert.Equal((SaveOutcome.Saved, sum), (await SaveAsync(result)) is var first ? (first.Outcome, first.Progress) : default);

        // The worker repeats a save whose answer was lost.
        Assert.Equal((SaveOutcome.AlreadyDone, sum), (await SaveAsync(result)) is var again ? (again.Outcome, again.Progress) : default);
        var found = await Store.Chunks.LeaseAsync(Some.Message(chunk), "worker", Minute, redelivered: true, Cancel);
        Assert.Equal((LeaseOutcome.Done, sum), (found.Outcome, found.Chunk!.Sum));

        var request = Some.Request("numbers of its own", 2) with { References = [Some.Reference(7), Some.Reference(400)] };
        var granted = await Store.Chunks.LeaseAsync(request, "worker", Minute, cancellationToken: Cancel);
        await SaveAsync(Some.Result(granted.Lease!, granted.Chunk!, Now));
        Assert.Equal(
            new JobProgress { ChunksDone = 1, Completed = 2 },
            (await Store.Chunks.LeaseAsync(request, "worker", Minute, cancellationToken: Cancel)).Chunk!.Sum
        );
    }

    [Fact]
    public async Task An_explanation_is_stored_once()
    {
        var job = (await PlannedJobAsync(2, 2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        var same = Some.Explanation(7);
        var answer = await SaveAsync(
            new ChunkResult(lease, [same, same], [Some.Item(job, 0, Now, same.Id), Some.Item(job, 1, Now, same.Id)])
        );
        Assert.Equal((SaveOutcome.Saved, 1, 2), (answer.Outcome, answer.NewExplanations, answer.NewItems));
        (chunk, lease) = await LeaseNextAsync(job);

        Assert.Equal([same.Id], await Store.Explanations.PinAsync([same.Id, Some.Digest("missing")], Cancel));
        var cached = await SaveAsync(new ChunkResult(lease, [], [Some.Item(job, 2, Now, same.Id), Some.Item(job, 3, Now, same.Id)]));

        Assert.Equal((SaveOutcome.Saved, 0, 2, true), (cached.Outcome, cached.NewExplanations, cached.NewItems, cached.JobCompleted));
        Assert.Equal(4, (await Store.Items.PageAsync(new ItemQuery { Explanation = same.Id }, Cancel)).Items.Count);
    }

    [Fact]
    public async Task The_first_record_of_an_image_stays_and_is_the_one_counted()
    {
        // A request is forgotten and sent again. Its items are stored already, one of them failed.
        var request = Some.Request("twice", 2);
        var first = await Store.Chunks.LeaseAsync(request, "w", Minute, cancellationToken: Cancel);
        await SaveAsync(
            new ChunkResult(
                first.Lease!,
                [Some.Explanation(0)],
                [Some.Item(request.Owner, 0, Now, null), Some.Failure(request.Owner, 1, Now)]
            )
        );
        Clock.Advance(Hour);
        await Store.Chunks.ForgetRequestsAsync(Minute, cancellationToken: Cancel);

        var again = await Store.Chunks.LeaseAsync(request, "w", Minute, cancellationToken: Cancel);
        var answer = await SaveAsync(Some.Result(again.Lease!, again.Chunk!, Now));

        Assert.Equal((SaveOutcome.Saved, 1, 0), (answer.Outcome, answer.NewExplanations, answer.NewItems));
        Assert.Equal(
            new JobProgress
            {
                ChunksDone = 1,
                Completed = 1,
                Failed = 1,
            },
            answer.Progress
        );
        Assert.Equal(ItemStatus.Failed, (await Store.Items.FindAsync(request.Owner, 1, Cancel))!.Status);
        Assert.Equal(Now - Hour, (await Store.Items.FindAsync(request.Owner, 0, Cancel))!.Time);
    }

    [Fact]
    public async Task Items_that_do_not_fit_the_chunk_are_refused_and_nothing_is_stored()
    {
        var job = (await PlannedJobAsync(2, 2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        var (good, other) = (Some.Item(job, 0, Now, null), Some.Item(job, 1, Now, null));
        var explanations = new[] { Some.Explanation(0), Some.Explanation(1) };

        foreach (
            var wrong in new Item[][]
            {
                [good],
                [good, good],
                [good, Some.Item(job, 2, Now, other.Explanation)],
                [good, Some.Item(Guid.NewGuid(), 1, Now, null)],
                [good, other with { Explanation = Some.Digest("missing") }],
                [good, other with { Probability = null }],
                [good, Some.Failure(job, 1, Now) with { Explanation = good.Explanation }],
            }
        )
            await Assert.ThrowsAsync<ArgumentException>(() =>
                Store.Chunks.SaveAsync([new ChunkResult(lease, explanations, wrong)], Cancel)
            );

        Assert.Null(await Store.Items.FindAsync(job, 0, Cancel));
        Assert.Equal(SaveOutcome.Saved, (await SaveAsync(new ChunkResult(lease, explanations, [good, other]))).Outcome);
    }

    [Fact]
    public async Task A_job_completes_although_leases_were_lost_at_every_step()
    {
        var job = (await PlannedJobAsync(2, 2)).Id;
        for (var round = 0; round < 3; round++)
        {
            await Store.Chunks.ClaimPlannedAsync(job, 1, Minute, Cancel);
            Clock.Advance(Minute);
            foreach (var chunk in await Store.Chunks.RequeueExpiredAsync(Minute, cancellationToken: Cancel))
                await Store.Chunks.LeaseAsync(Some.Message(chunk), "dies", Minute / 2, cancellationToken: Cancel);
            Clock.Advance(Minute);
        }
        var saved = 0;
        for (var round = 0; round < 4 && saved < 2; round++)
        {
            foreach (
                var chunk in (await Store.Chunks.RequeueExpiredAsync(Hour, cancellationToken: Cancel)).Concat(
                    await Store.Chunks.ClaimPlannedAsync(job, 2, Hour, Cancel)
                )
            )
            {
                var answer = await Store.Chunks.LeaseAsync(Some.Message(chunk), "lives", Minute, cancellationToken: Cancel);
                saved += (await SaveAsync(Some.Result(answer.Lease!, answer.Chunk!, Now))).Outcome == SaveOutcome.Saved ? 1 : 0;
            }
        }

        var found = (await Store.Jobs.FindAsync(job, Cancel))!;
        Assert.Equal((JobState.Completed, new JobProgress { ChunksDone = 2, Completed = 4 }), (found.State, found.Progress));
    }
}
