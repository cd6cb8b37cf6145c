using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    [Fact]
    public async Task Planned_chunks_are_claimed_up_to_the_window_lowest_numbers_first()
    {
        var job = (await PlannedJobAsync(2, 3, 1, 4)).Id;

        var first = await Store.Chunks.ClaimPlannedAsync(job, 2, Hour, Cancel);
        Assert.Equal([0, 1], first.Select(chunk => chunk.Number));
        Assert.All(first, chunk => Assert.Equal((ChunkState.Published, 1, Now + Hour), (chunk.State, chunk.PublishCount, chunk.Until)));
        AssertSame(Some.References(2, 3), first[1].References);
        Assert.Empty(await Store.Chunks.ClaimPlannedAsync(job, 2, Hour, Cancel));
        Assert.Equal([2], (await Store.Chunks.ClaimPlannedAsync(job, 3, Hour, Cancel)).Select(chunk => chunk.Number));
        Assert.Empty(await Store.Chunks.ClaimPlannedAsync(Guid.NewGuid(), 3, Hour, Cancel));
    }

    [Fact]
    public async Task Concurrent_publishers_never_claim_the_same_chunk()
    {
        var job = (await PlannedJobAsync([.. Enumerable.Repeat(1, 60)])).Id;

        var claimed = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Store.Chunks.ClaimPlannedAsync(job, 20, Hour, Cancel)));

        var numbers = claimed.SelectMany(chunks => chunks).Select(chunk => chunk.Number).ToList();
        Assert.Equal(numbers.Count, numbers.Distinct().Count());
        Assert.True(numbers.Count >= 20, $"{numbers.Count} of 20 were claimed");
        for (var number = 0; number < 60; number++)
        {
            var chunk = (await Store.Chunks.FindAsync(job, number, Cancel))!;
            Assert.Equal(
                (numbers.Contains(number) ? ChunkState.Published : ChunkState.Planned, numbers.Contains(number) ? 1 : 0),
                (chunk.State, chunk.PublishCount)
            );
        }
    }

    [Fact]
    public async Task A_reference_is_read_with_all_its_fields()
    {
        var reference = new ImageReference
        {
            Number = 0,
            Kind = ReferenceKind.S3,
            Uri = "s3://pets/a b.jpg",
            Label = "cat",
            Split = "val",
            Stamp = "etag 12 bytes",
            KnownSha256 = Some.Digest("known"),
            Metadata = new Dictionary<string, string>
            {
                ["a.b"] = "1",
                ["$set"] = "",
                ["Z"] = "ü",
            },
        };
        var job = (await Store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel)).Job.Id;
        await Store.Jobs.AddChunksAsync(
            job,
            await Store.Jobs.PlanTailAsync(job, Cancel),
            [
                [reference],
            ],
            Cancel
        );

        AssertSame(reference, (await Store.Chunks.FindAsync(job, 0, Cancel))!.References[0]);
    }

    [Fact]
    public async Task A_leased_chunk_is_held_until_its_lease_expires()
    {
        var job = (await PlannedJobAsync(2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job, "a");
        Assert.Equal((ChunkState.Leased, 1, 0, "a", Now + Minute), (chunk.State, chunk.Attempts, chunk.Crashes, chunk.Worker, chunk.Until));

        Assert.Equal(
            LeaseOutcome.Held,
            (await Store.Chunks.LeaseAsync(Some.Message(chunk), "b", Minute, cancellationToken: Cancel)).Outcome
        );
        Clock.Advance(Minute / 2);
        Assert.True(await Store.Chunks.HeartbeatAsync(lease, Minute, Cancel));
        Clock.Advance(Minute / 2);
        Assert.Equal(
            LeaseOutcome.Held,
            (await Store.Chunks.LeaseAsync(Some.Message(chunk), "b", Minute, cancellationToken: Cancel)).Outcome
        );
        Clock.Advance(Minute / 2);
        var next = await Store.Chunks.LeaseAsync(Some.Message(chunk), "b", Minute, cancellationToken: Cancel);

        Assert.Equal((LeaseOutcome.Granted, true, 2, 1), (next.Outcome, next.Isolated, next.Chunk!.Attempts, next.Chunk.Crashes));
        Assert.Contains("by a", next.Chunk.CrashNote);
        Assert.False(await Store.Chunks.HeartbeatAsync(lease, Minute, Cancel));
        Assert.False(await Store.Chunks.ReleaseAsync(lease, Hour, cancellationToken: Cancel));
        Assert.Equal(-1, await Store.Chunks.BeginIsolatedAsync(lease, 0, Cancel));
        Assert.Equal(SaveOutcome.LeaseLost, (await SaveAsync(Some.Result(lease, chunk, Now))).Outcome);
        Assert.Null(await Store.Items.FindAsync(job, 0, Cancel));
    }

    [Fact]
    public async Task A_redelivered_message_takes_over_the_lease_at_once()
    {
        var job = (await PlannedJobAsync(2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job, "a");

        var next = await Store.Chunks.LeaseAsync(Some.Message(chunk), "b", Minute, redelivered: true, Cancel);

        Assert.Equal((LeaseOutcome.Granted, 1), (next.Outcome, next.Chunk!.Crashes));
        Assert.Equal(SaveOutcome.LeaseLost, (await SaveAsync(Some.Result(lease, chunk, Now))).Outcome);
        var saved = await SaveAsync(Some.Result(next.Lease!, next.Chunk, Now));
        Assert.Equal((SaveOutcome.Saved, 2, 2, true), (saved.Outcome, saved.NewExplanations, saved.NewItems, saved.JobCompleted));
        Assert.Equal(SaveOutcome.AlreadyDone, (await SaveAsync(Some.Result(lease, chunk, Now))).Outcome);
        Assert.Equal(
            LeaseOutcome.Done,
            (await Store.Chunks.LeaseAsync(Some.Message(chunk), "c", Minute, redelivered: true, Cancel)).Outcome
        );
    }

    [Fact]
    public async Task Concurrent_workers_with_one_message_get_one_lease()
    {
        var job = (await PlannedJobAsync(1)).Id;
        var chunk = Assert.Single(await Store.Chunks.ClaimPlannedAsync(job, 1, Hour, Cancel));

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 12).Select(i => Store.Chunks.LeaseAsync(Some.Message(chunk), $"w{i}", Minute, cancellationToken: Cancel))
        );

        Assert.Single(answers, answer => answer.Outcome == LeaseOutcome.Granted);
        Assert.Equal(11, answers.Count(answer => answer.Outcome == LeaseOutcome.Held));
    }

    [Fact]
    public async Task A_released_lease_is_not_a_crash()
    {
        var job = (await PlannedJobAsync(2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);

        Assert.True(await Store.Chunks.ReleaseAsync(lease, Hour, cancellationToken: Cancel));
        Assert.False(await Store.Chunks.HeartbeatAsync(lease, Minute, Cancel));
        var again = await Store.Chunks.LeaseAsync(Some.Message(chunk), "b", Minute, redelivered: true, Cancel);

        Assert.Equal((LeaseOutcome.Granted, false, 0, 2), (again.Outcome, again.Isolated, again.Chunk!.Crashes, again.Chunk.Attempts));
    }

    [Fact]
    public async Task Expired_chunks_are_requeued_and_their_older_messages_are_stale()
    {
        var job = (await PlannedJobAsync(1, 1, 1)).Id;
        var (leased, _) = await LeaseNextAsync(job, "dead");
        var waiting = Assert.Single(await Store.Chunks.ClaimPlannedAsync(job, 2, Minute, Cancel));
        Assert.Empty(await Store.Chunks.RequeueExpiredAsync(Hour, cancellationToken: Cancel));

        Clock.Advance(Minute);
        var requeued = await Store.Chunks.RequeueExpiredAsync(Hour, cancellationToken: Cancel);

        Assert.Equal(
            [(0, 2, 1), (1, 2, 0)],
            requeued.OrderBy(chunk => chunk.Number).Select(chunk => (chunk.Number, chunk.PublishCount, chunk.Crashes))
        );
        Assert.Empty(await Store.Chunks.RequeueExpiredAsync(Hour, cancellationToken: Cancel));
        Assert.Equal(
            LeaseOutcome.Stale,
            (await Store.Chunks.LeaseAsync(Some.Message(waiting), "w", Minute, cancellationToken: Cancel)).Outcome
        );
        Assert.Equal(
            LeaseOutcome.Stale,
            (await Store.Chunks.LeaseAsync(Some.Message(leased), "w", Minute, redelivered: true, Cancel)).Outcome
        );
        foreach (var chunk in requeued)
            Assert.Equal(
                LeaseOutcome.Granted,
                (await Store.Chunks.LeaseAsync(Some.Message(chunk), "w", Minute, cancellationToken: Cancel)).Outcome
            );
    }

    [Fact]
    public async Task Concurrent_sweepers_never_requeue_the_same_chunk()
    {
        var job = (await PlannedJobAsync([.. Enumerable.Repeat(1, 30)])).Id;
        await Store.Chunks.ClaimPlannedAsync(job, 30, Minute, Cancel);
        Clock.Advance(Minute);

        var requeued = await Task.WhenAll(
            Enumerable.Range(0, 5).Select(_ => Store.Chunks.RequeueExpiredAsync(Hour, 10, cancellationToken: Cancel))
        );
        var rest = await Store.Chunks.RequeueExpiredAsync(Hour, 30, cancellationToken: Cancel);

        Assert.Equal(Enumerable.Range(0, 30), requeued.SelectMany(chunks => chunks).Concat(rest).Select(chunk => chunk.Number).Order());
    }

    [Fact]
    public async Task Requeuing_all_chunks_ignores_their_time_and_the_limit()
    {
        var job = (await PlannedJobAsync(1, 1, 1, 1)).Id;
        await LeaseNextAsync(job);
        await Store.Chunks.ClaimPlannedAsync(job, 3, Hour, Cancel);
        var request = await Store.Chunks.AcceptAsync(Some.Request("one"), Hour, cancellationToken: Cancel);

        var requeued = await Store.Chunks.RequeueExpiredAsync(Hour, limit: 1, all: true, Cancel);

        Assert.Equal(
            [(job, 0), (job, 1), (job, 2)],
            requeued.Where(chunk => chunk.Owner == job).Select(chunk => (chunk.Owner, chunk.Number)).Order()
        );
        Assert.Equal(request.Owner, Assert.Single(requeued, chunk => chunk.Owner != job).Owner);
        Assert.Equal(4, requeued.Count);
    }

    [Fact]
    public async Task A_message_of_a_paused_job_makes_its_chunk_planned_again()
    {
        var job = (await PlannedJobAsync(1, 1)).Id;
        var claimed = await Store.Chunks.ClaimPlannedAsync(job, 2, Minute, Cancel);
        await Store.Jobs.PauseAsync(job, "later", Cancel);

        Assert.Equal(
            LeaseOutcome.Paused,
            (await Store.Chunks.LeaseAsync(Some.Message(claimed[0]), "w", Minute, cancellationToken: Cancel)).Outcome
        );
        Clock.Advance(Minute);
        Assert.Empty(await Store.Chunks.RequeueExpiredAsync(Hour, cancellationToken: Cancel));
        Assert.All(
            await Task.WhenAll(Store.Chunks.FindAsync(job, 0, Cancel), Store.Chunks.FindAsync(job, 1, Cancel)),
            chunk => Assert.Equal(ChunkState.Planned, chunk!.State)
        );
        Assert.Equal(
            LeaseOutcome.Stale,
            (await Store.Chunks.LeaseAsync(Some.Message(claimed[0]), "w", Minute, cancellationToken: Cancel)).Outcome
        );

        await Store.Jobs.ResumeAsync(job, Cancel);
        var again = await Store.Chunks.ClaimPlannedAsync(job, 2, Minute, Cancel);
        Assert.Equal([2, 2], again.Select(chunk => chunk.PublishCount));
        Assert.Equal(
            LeaseOutcome.Stale,
            (await Store.Chunks.LeaseAsync(Some.Message(claimed[1]), "w", Minute, cancellationToken: Cancel)).Outcome
        );
        Assert.Equal(
            LeaseOutcome.Granted,
            (await Store.Chunks.LeaseAsync(Some.Message(again[1]), "w", Minute, cancellationToken: Cancel)).Outcome
        );
    }

    [Fact]
    public async Task An_isolated_image_keeps_its_note_after_a_crash_and_loses_it_when_it_ends()
    {
        var job = (await PlannedJobAsync(3)).Id;
        var (chunk, first) = await LeaseNextAsync(job);
        async Task<ChunkLease> CrashAsync()
        {
            var answer = await Store.Chunks.LeaseAsync(Some.Message(chunk), "next", Minute, redelivered: true, Cancel);
            Assert.True(answer.Isolated);
            return answer.Lease!;
        }

        var second = await CrashAsync();
        Assert.Equal(0, await Store.Chunks.BeginIsolatedAsync(second, 0, Cancel));
        await Store.Chunks.EndIsolatedAsync(second, 0, Cancel);
        Assert.Equal(0, await Store.Chunks.BeginIsolatedAsync(second, 1, Cancel));
        var third = await CrashAsync();
        Assert.Equal(0, await Store.Chunks.BeginIsolatedAsync(third, 0, Cancel));
        await Store.Chunks.EndIsolatedAsync(third, 0, Cancel);
        Assert.Equal(1, await Store.Chunks.BeginIsolatedAsync(third, 1, Cancel));
        AssertSame(new Dictionary<int, int> { [1] = 2 }, (await Store.Chunks.FindAsync(job, 0, Cancel))!.Isolated);
        var fourth = await CrashAsync();
        Assert.Equal(2, await Store.Chunks.BeginIsolatedAsync(fourth, 1, Cancel));

        var answer = await SaveAsync(
            new ChunkResult(
                fourth,
                [Some.Explanation(0), Some.Explanation(2)],
                [Some.Item(job, 0, Now, null), Some.Failure(job, 1, Now, ItemFailure.Poison), Some.Item(job, 2, Now, null)]
            )
        );
        Assert.Equal(
            (SaveOutcome.Saved, 2, 1, true),
            (answer.Outcome, answer.Progress.Completed, answer.Progress.Failed, answer.JobCompleted)
        );
        Assert.Empty((await Store.Chunks.FindAsync(job, 0, Cancel))!.Isolated);
    }

    [Fact]
    public async Task A_released_lease_takes_back_the_starts_of_its_isolated_images()
    {
        var job = (await PlannedJobAsync(2)).Id;
        var (chunk, _) = await LeaseNextAsync(job);
        var second = (await Store.Chunks.LeaseAsync(Some.Message(chunk), "b", Minute, redelivered: true, Cancel)).Lease!;
        await Store.Chunks.BeginIsolatedAsync(second, 0, Cancel);
        var third = (await Store.Chunks.LeaseAsync(Some.Message(chunk), "c", Minute, redelivered: true, Cancel)).Lease!;
        Assert.Equal(1, await Store.Chunks.BeginIsolatedAsync(third, 0, Cancel));

        await Store.Chunks.ReleaseAsync(third, Hour, cancellationToken: Cancel);

        var fourth = (await Store.Chunks.LeaseAsync(Some.Message(chunk), "d", Minute, redelivered: true, Cancel)).Lease!;
        Assert.Equal(1, await Store.Chunks.BeginIsolatedAsync(fourth, 0, Cancel));
    }

    [Fact]
    public async Task A_request_without_a_job_is_stored_by_its_first_lease()
    {
        var request = Some.Request("direct", 3);

        var answer = await Store.Chunks.LeaseAsync(request, "w", Minute, cancellationToken: Cancel);
        AssertSame(request, answer.Chunk!.Request!);
        Assert.Equal(
            (LeaseOutcome.Granted, RequestId.Of("direct"), 3),
            (answer.Outcome, answer.Chunk.Owner, answer.Chunk.References.Count)
        );
        Assert.Equal(LeaseOutcome.Held, (await Store.Chunks.LeaseAsync(request, "v", Minute, cancellationToken: Cancel)).Outcome);
        var saved = await SaveAsync(Some.Result(answer.Lease!, answer.Chunk, Now));

        Assert.Equal((SaveOutcome.Saved, 3, false), (saved.Outcome, saved.NewItems, saved.JobCompleted));
        Assert.Equal(LeaseOutcome.Done, (await Store.Chunks.LeaseAsync(request, "v", Minute, cancellationToken: Cancel)).Outcome);
        Assert.Equal(3, (await Store.Items.PageAsync(new ItemQuery { Job = request.Owner }, Cancel)).Items.Count);
        Assert.Empty((await Store.Jobs.PageAsync(new JobQuery(), Cancel)).Jobs);
    }

    [Fact]
    public async Task An_accepted_request_is_requeued_when_no_worker_leases_it()
    {
        var accepted = await Store.Chunks.AcceptAsync(Some.Request("accepted"), Minute, cancellationToken: Cancel);
        var again = await Store.Chunks.AcceptAsync(
            Some.Request("accepted") with
            {
                Lane = Lane.Interactive,
            },
            Hour,
            cancellationToken: Cancel
        );
        AssertSame(accepted, again);
        await Assert.ThrowsAsync<ArgumentException>(() =>
            Store.Chunks.AcceptAsync(Some.Request("x") with { JobId = Guid.NewGuid() }, Minute, cancellationToken: Cancel)
        );

        Clock.Advance(Minute);
        var requeued = Assert.Single(await Store.Chunks.RequeueExpiredAsync(Hour, cancellationToken: Cancel));
        Assert.Equal(1, requeued.PublishCount);
        Assert.Equal(
            LeaseOutcome.Stale,
            (await Store.Chunks.LeaseAsync(Some.Request("accepted"), "w", Minute, cancellationToken: Cancel)).Outcome
        );
        Assert.Equal(
            LeaseOutcome.Granted,
            (await Store.Chunks.LeaseAsync(Some.Message(requeued), "w", Minute, cancellationToken: Cancel)).Outcome
        );
    }

    [Fact]
    public async Task Old_requests_are_forgotten_and_their_items_stay()
    {
        var old = (await Store.Chunks.LeaseAsync(Some.Request("old"), "w", Minute, cancellationToken: Cancel))!;
        await SaveAsync(Some.Result(old.Lease!, old.Chunk!, Now));
        var job = await JobOfAsync(1, (id, number) => Some.Item(id, number, Now, null));
        await Store.Chunks.LeaseAsync(Some.Request("unfinished"), "w", Minute, cancellationToken: Cancel);
        Clock.Advance(2 * Hour);

        Assert.Equal(1, await Store.Chunks.ForgetRequestsAsync(Hour, cancellationToken: Cancel));

        Assert.Null(await Store.Chunks.FindAsync(RequestId.Of("old"), 0, Cancel));
        Assert.NotNull(await Store.Items.FindAsync(RequestId.Of("old"), 0, Cancel));
        Assert.NotNull(await Store.Chunks.FindAsync(RequestId.Of("unfinished"), 0, Cancel));
        Assert.NotNull(await Store.Chunks.FindAsync(job.Id, 0, Cancel));
    }

    [Fact]
    public async Task A_deleted_request_is_restored_by_a_new_request_and_not_by_a_late_message()
    {
        var answer = await Store.Chunks.LeaseAsync(Some.Request("gone"), "w", Minute, cancellationToken: Cancel);
        Assert.True(await Store.Jobs.DeleteAsync(RequestId.Of("gone"), Cancel));

        Assert.Equal(SaveOutcome.Gone, (await SaveAsync(Some.Result(answer.Lease!, answer.Chunk!, Now))).Outcome);
        Assert.Equal(
            LeaseOutcome.Gone,
            (await Store.Chunks.LeaseAsync(Some.Request("gone"), "w", Minute, redelivered: true, Cancel)).Outcome
        );
        await Store.Chunks.AcceptAsync(Some.Request("gone"), Minute, cancellationToken: Cancel);
        Assert.Equal(
            LeaseOutcome.Granted,
            (await Store.Chunks.LeaseAsync(Some.Request("gone"), "w", Minute, cancellationToken: Cancel)).Outcome
        );
    }
}
