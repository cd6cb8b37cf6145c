using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    [Fact]
    public async Task A_job_is_read_as_it_was_created()
    {
        var spec = Some.Spec("s3://pets/train", "pets", "nightly") with
        {
            Targets = ["predicted", "top:5"],
            Lane = Lane.Interactive,
            Weight = 3,
            Parent = Guid.NewGuid(),
            Threshold = 0.4,
            MaxFailureRate = 0.25,
            Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            Options = new Dictionary<string, string> { ["column.label"] = "$class", ["b"] = "2" },
        };

        var created = await Store.Jobs.CreateAsync(spec, cancellationToken: Cancel);
        var found = await Store.Jobs.FindAsync(created.Job.Id, Cancel);

        Assert.Equal(JobCreated.New, created.Outcome);
        AssertSame(created.Job, found!);
        AssertSame(spec, found!.Spec);
        Assert.Equal(spec.Trace, found.Spec.Trace);
        Assert.Equal((JobState.Running, Now, null, null), (found.State, found.Created, found.Chunks, found.Finished));
        Assert.Null(await Store.Jobs.FindAsync(Guid.NewGuid(), Cancel));
    }

    [Fact]
    public async Task The_same_key_returns_the_job_for_an_equal_spec_and_conflicts_for_another()
    {
        var first = await Store.Jobs.CreateAsync(Some.Spec(), "monday", Cancel);
        var again = await Store.Jobs.CreateAsync(
            Some.Spec() with
            {
                Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            },
            "monday",
            Cancel
        ); // the trace is not part of the request
        var other = await Store.Jobs.CreateAsync(Some.Spec("folder:/data/cars"), "monday", Cancel);
        var unkeyed = await Store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel);

        Assert.Equal((JobCreated.New, RequestId.Of("monday")), (first.Outcome, first.Job.Id));
        Assert.Equal((JobCreated.Existing, first.Job.Id), (again.Outcome, again.Job.Id));
        Assert.Equal((JobCreated.Conflict, first.Job.Id), (other.Outcome, other.Job.Id));
        Assert.Equal(JobCreated.New, unkeyed.Outcome);
        Assert.Equal("folder:/data/pets", other.Job.Spec.Source);
    }

    [Fact]
    public async Task Concurrent_creations_under_one_key_create_one_job()
    {
        var creations = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Store.Jobs.CreateAsync(Some.Spec(), "rush", Cancel)));

        Assert.Single(creations, creation => creation.Outcome == JobCreated.New);
        Assert.Equal(15, creations.Count(creation => creation.Outcome == JobCreated.Existing));
        Assert.Single((await Store.Jobs.PageAsync(new JobQuery(), Cancel)).Jobs);
    }

    [Fact]
    public async Task Jobs_are_listed_in_pages_newest_first_by_tag_and_state()
    {
        var ids = new List<Guid>();
        for (var i = 0; i < 7; i++)
        {
            ids.Add(
                (await Store.Jobs.CreateAsync(Some.Spec($"folder:/data/{i % 2}", i % 3 == 0 ? ["third", "x"] : ["x"]), $"job {i}", Cancel))
                    .Job
                    .Id
            );
            if (i % 2 == 0)
                Clock.Advance(Minute); // only sometimes, so that some jobs have the same time
        }
        await Store.Jobs.PauseAsync(ids[4], "why not", Cancel);

        async Task<List<Guid>> AllAsync(JobQuery query)
        {
            var all = new List<Guid>();
            do
            {
                var page = await Store.Jobs.PageAsync(query, Cancel);
                Assert.True(page.Jobs.Count <= query.Limit);
                all.AddRange(page.Jobs.Select(job => job.Id));
                query = query with { Cursor = page.Next };
            } while (query.Cursor is not null);
            return all;
        }

        var newestFirst = await AllAsync(new JobQuery { Limit = 2 });
        Assert.Equal(ids.ToHashSet(), newestFirst.ToHashSet());
        Assert.Equal(7, newestFirst.Count);
        Assert.Equal(ids[0], newestFirst[^1]);
        Assert.Equal(newestFirst, await AllAsync(new JobQuery { Limit = 1000 }));
        Assert.Equal([ids[6], ids[3], ids[0]], await AllAsync(new JobQuery { Tag = "third", Limit = 1 }));
        Assert.Equal([ids[4]], await AllAsync(new JobQuery { State = JobState.Paused }));
        Assert.Empty(await AllAsync(new JobQuery { Tag = "nobody's" }));
        await Assert.ThrowsAsync<CursorException>(() => Store.Jobs.PageAsync(new JobQuery { Cursor = "garbage" }, Cancel));
        await Assert.ThrowsAsync<StoreQueryException>(() => Store.Jobs.PageAsync(new JobQuery { Limit = 0 }, Cancel));
    }

    [Fact]
    public async Task One_planner_holds_the_planning_lease_until_it_expires()
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel)).Job.Id;
        Assert.Equal([job], await Store.Jobs.UnplannedAsync(Cancel));

        Assert.True(await Store.Jobs.LeasePlanningAsync(job, "a", Minute, Cancel));
        Assert.False(await Store.Jobs.LeasePlanningAsync(job, "b", Minute, Cancel));
        Assert.Empty(await Store.Jobs.UnplannedAsync(Cancel));
        Clock.Advance(Minute / 2);
        Assert.True(await Store.Jobs.LeasePlanningAsync(job, "a", Minute, Cancel));
        Clock.Advance(Minute / 2);
        Assert.False(await Store.Jobs.LeasePlanningAsync(job, "b", Minute, Cancel));
        Clock.Advance(Minute);
        Assert.Equal([job], await Store.Jobs.UnplannedAsync(Cancel));
        Assert.True(await Store.Jobs.LeasePlanningAsync(job, "b", Minute, Cancel));
        await Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel);
        Assert.False(await Store.Jobs.LeasePlanningAsync(job, "b", Minute, Cancel));
        Assert.Empty(await Store.Jobs.UnplannedAsync(Cancel));
    }

    [Fact]
    public async Task Planning_continues_at_its_tail_and_an_overtaken_planner_writes_nothing()
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel)).Job.Id;
        var start = await Store.Jobs.PlanTailAsync(job, Cancel);
        Assert.Equal((0, 0, null), (start.NextChunk, start.NextImage, start.LastUri));

        var after = await AddAsync(job, 3, 2);
        Assert.Equal(start with { NextChunk = 2, NextImage = 5, LastUri = "/data/pets/4.jpg" }, after);
        Assert.Equal(after, await Store.Jobs.PlanTailAsync(job, Cancel));

        Assert.Null(await Store.Jobs.AddChunksAsync(job, start, [Some.References(0, 5)], Cancel));
        Assert.Equal(3, (await Store.Chunks.FindAsync(job, 0, Cancel))!.Count);
        Assert.Equal(after, await Store.Jobs.PlanTailAsync(job, Cancel));

        var end = await AddAsync(job, 1);
        Assert.Equal(start with { NextChunk = 3, NextImage = 6, LastUri = "/data/pets/5.jpg" }, end);
        var planned = await Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel);
        Assert.Equal((6, 3), (planned!.Images, planned.Chunks));
        Assert.Null(await Store.Jobs.AddChunksAsync(job, end!, [Some.References(6, 1)], Cancel));
    }

    [Fact]
    public async Task Concurrent_planners_never_write_an_image_twice()
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel)).Job.Id;
        async Task PlanAsync(int chunkSize)
        {
            for (var tail = await Store.Jobs.PlanTailAsync(job, Cancel); tail.NextImage < 200; )
            {
                var size = Math.Min(chunkSize, 200 - tail.NextImage);
                tail =
                    await Store.Jobs.AddChunksAsync(job, tail, [Some.References(tail.NextImage, size)], Cancel)
                    ?? await Store.Jobs.PlanTailAsync(job, Cancel);
            }
        }

        await Task.WhenAll(PlanAsync(7), PlanAsync(10));
        var planned = await Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel);

        var numbers = new List<int>();
        for (var i = 0; i < planned!.Chunks; i++)
            numbers.AddRange((await Store.Chunks.FindAsync(job, i, Cancel))!.References.Select(reference => reference.Number));
        Assert.Equal(Enumerable.Range(0, 200), numbers);
        Assert.Equal(200, planned.Images);
    }

    [Fact]
    public async Task Chunks_that_are_empty_too_large_or_out_of_order_are_refused()
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel)).Job.Id;
        var start = await Store.Jobs.PlanTailAsync(job, Cancel);

        foreach (var wrong in new[] { [], Some.References(0, 257), Some.References(1, 2), [Some.Reference(0), Some.Reference(0)] })
            await Assert.ThrowsAsync<ArgumentException>(() => Store.Jobs.AddChunksAsync(job, start, [wrong], Cancel));
        Assert.Equal(start, await Store.Jobs.PlanTailAsync(job, Cancel));
        Assert.NotNull(await Store.Jobs.AddChunksAsync(job, start, [Some.References(0, 256)], Cancel));
    }

    [Fact]
    public async Task A_job_without_images_completes_when_its_planning_ends()
    {
        var job = await PlannedJobAsync();

        Assert.Equal((JobState.Completed, 0, 0, Now), (job.State, job.Images, job.Chunks, job.Finished));
        Assert.Equal([job.Id], (await Store.Jobs.PendingNotificationsAsync(cancellationToken: Cancel)).Select(pending => pending.Id));
        await Store.Jobs.MarkNotifiedAsync(job.Id, Cancel);
        Assert.Empty(await Store.Jobs.PendingNotificationsAsync(cancellationToken: Cancel));
    }

    [Fact]
    public async Task One_notifier_holds_the_notification_lease_until_it_expires_or_the_job_is_notified()
    {
        var open = await PlannedJobAsync(1);
        Assert.False(await Store.Jobs.LeaseNotificationAsync(open.Id, "a", Minute, Cancel)); // not completed
        var job = (await PlannedJobAsync()).Id;

        Assert.Equal(
            1,
            (await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Store.Jobs.LeaseNotificationAsync(job, $"{i}", Minute, Cancel)))).Count(
                held => held
            )
        );
        Clock.Advance(Minute);
        Assert.True(await Store.Jobs.LeaseNotificationAsync(job, "a", Minute, Cancel)); // the notifier with the lease died
        Assert.True(await Store.Jobs.LeaseNotificationAsync(job, "a", Minute, Cancel));
        Assert.False(await Store.Jobs.LeaseNotificationAsync(job, "b", Minute, Cancel));
        Assert.True(await Store.Jobs.LeaseNotificationAsync(job, "a", TimeSpan.Zero, Cancel)); // releases the lease
        Assert.True(await Store.Jobs.LeaseNotificationAsync(job, "b", Minute, Cancel));
        Assert.Equal([job], (await Store.Jobs.PendingNotificationsAsync(cancellationToken: Cancel)).Select(pending => pending.Id));
        await Store.Jobs.MarkNotifiedAsync(job, Cancel);
        Clock.Advance(Hour);
        Assert.False(await Store.Jobs.LeaseNotificationAsync(job, "b", Minute, Cancel));
    }

    [Fact]
    public async Task A_job_that_is_not_completed_cannot_be_marked_as_notified()
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec(), cancellationToken: Cancel)).Job.Id;

        await Store.Jobs.MarkEventPublishedAsync(job, Cancel);
        await Store.Jobs.MarkNotifiedAsync(job, Cancel);
        await Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel);

        Assert.Equal(
            [(job, false)],
            (await Store.Jobs.PendingNotificationsAsync(cancellationToken: Cancel)).Select(pending => (pending.Id, pending.EventPublished))
        );
    }

    [Fact]
    public async Task A_notification_stays_pending_after_its_event_is_published()
    {
        var job = (await PlannedJobAsync()).Id;
        Assert.False((await Store.Jobs.FindAsync(job, Cancel))!.EventPublished);

        await Store.Jobs.MarkEventPublishedAsync(job, Cancel);

        Assert.Equal(
            [(job, true)],
            (await Store.Jobs.PendingNotificationsAsync(cancellationToken: Cancel)).Select(pending => (pending.Id, pending.EventPublished))
        );
        Assert.True(await Store.Jobs.LeaseNotificationAsync(job, "a", Minute, Cancel));
    }

    [Fact]
    public async Task Pausing_keeps_the_first_reason_and_resuming_clears_it()
    {
        var job = (await PlannedJobAsync(2, 2)).Id;

        Assert.False(await Store.Jobs.ResumeAsync(job, Cancel));
        Assert.True(await Store.Jobs.PauseAsync(job, "the bucket is denied", Cancel));
        Assert.True(await Store.Jobs.PauseAsync(job, "another reason", Cancel));
        var paused = await Store.Jobs.FindAsync(job, Cancel);
        Assert.Equal((JobState.Paused, "the bucket is denied"), (paused!.State, paused.Reason));
        Assert.Empty(await Store.Chunks.ClaimPlannedAsync(job, 10, Hour, Cancel));

        Assert.True(await Store.Jobs.ResumeAsync(job, Cancel));
        Assert.False(await Store.Jobs.ResumeAsync(job, Cancel));
        Assert.Null((await Store.Jobs.FindAsync(job, Cancel))!.Reason);
        Assert.Equal(2, (await Store.Chunks.ClaimPlannedAsync(job, 10, Hour, Cancel)).Count);
        Assert.False(await Store.Jobs.PauseAsync(Guid.NewGuid(), "not there", Cancel));
    }

    [Fact]
    public async Task The_failure_rate_is_checked_once_by_concurrent_callers_and_after_a_restart()
    {
        var job = (await PlannedJobAsync(4)).Id;
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Store.Jobs.CheckFailureRateAsync(job, "too many failures", Cancel))
        );
        Assert.Single(answers, FailureRateCheck.Now);
        Assert.Equal(7, answers.Count(answer => answer == FailureRateCheck.NotRunning));
        var paused = (await Store.Jobs.FindAsync(job, Cancel))!;
        Assert.Equal((JobState.Paused, "too many failures"), (paused.State, paused.Reason));

        await Store.Jobs.ResumeAsync(job, Cancel);
        await using var restarted = await ReopenAsync(Clock);

        Assert.Equal(FailureRateCheck.Before, await restarted.Jobs.CheckFailureRateAsync(job, "too many failures", Cancel));
        Assert.Equal(JobState.Running, (await restarted.Jobs.FindAsync(job, Cancel))!.State);
    }

    [Fact]
    public async Task A_job_runs_on_after_a_good_failure_rate_and_a_paused_job_is_not_checked()
    {
        var job = (await PlannedJobAsync(4)).Id;
        await Store.Jobs.PauseAsync(job, "by hand", Cancel);
        Assert.Equal(FailureRateCheck.NotRunning, await Store.Jobs.CheckFailureRateAsync(job, null, Cancel));
        await Store.Jobs.ResumeAsync(job, Cancel);
        Assert.Equal(FailureRateCheck.Now, await Store.Jobs.CheckFailureRateAsync(job, null, Cancel));
        Assert.Equal(FailureRateCheck.Before, await Store.Jobs.CheckFailureRateAsync(job, "too many failures", Cancel));
        Assert.Equal(JobState.Running, (await Store.Jobs.FindAsync(job, Cancel))!.State);
        Assert.Equal(FailureRateCheck.NotRunning, await Store.Jobs.CheckFailureRateAsync(Guid.NewGuid(), null, Cancel));
    }

    [Fact]
    public async Task A_cancelled_job_publishes_nothing_and_keeps_the_results_of_leased_chunks()
    {
        var job = (await PlannedJobAsync(2, 2, 2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        var waiting = Assert.Single(await Store.Chunks.ClaimPlannedAsync(job, 2, Hour, Cancel));

        Assert.True(await Store.Jobs.CancelAsync(job, "wrong folder", Cancel));
        Assert.True(await Store.Jobs.CancelAsync(job, cancellationToken: Cancel));
        Assert.Empty(await Store.Chunks.ClaimPlannedAsync(job, 10, Hour, Cancel));
        Assert.Equal(
            LeaseOutcome.Cancelled,
            (await Store.Chunks.LeaseAsync(Some.Message(waiting), "w", Minute, cancellationToken: Cancel)).Outcome
        );
        Assert.Equal(SaveOutcome.Saved, (await SaveAsync(Some.Result(lease, chunk, Now))).Outcome);

        var cancelled = await Store.Jobs.FindAsync(job, Cancel);
        Assert.Equal(
            (JobState.Cancelled, "wrong folder", 1, 2, Now),
            (cancelled!.State, cancelled.Reason, cancelled.Progress.ChunksDone, cancelled.Progress.Completed, cancelled.Finished)
        );
        Assert.False(await Store.Jobs.ResumeAsync(job, Cancel));
        Assert.False(await Store.Jobs.PauseAsync(job, "x", Cancel));
        Clock.Advance(2 * Hour);
        Assert.Empty(await Store.Chunks.RequeueExpiredAsync(Hour, cancellationToken: Cancel));
        Assert.Empty(await Store.Chunks.RequeueExpiredAsync(Hour, cancellationToken: Cancel));
        Assert.False(await Store.Jobs.CancelAsync(Guid.NewGuid(), cancellationToken: Cancel));
    }

    [Fact]
    public async Task A_completed_job_cannot_be_cancelled()
    {
        var job = await JobOfAsync(2, (id, number) => Some.Item(id, number, Now, null));

        Assert.Equal(JobState.Completed, job.State);
        Assert.False(await Store.Jobs.CancelAsync(job.Id, cancellationToken: Cancel));
        Assert.Equal(JobState.Completed, (await Store.Jobs.FindAsync(job.Id, Cancel))!.State);
    }

    [Fact]
    public async Task Deleting_a_job_deletes_its_items_and_keeps_those_of_other_jobs()
    {
        var kept = await JobOfAsync(5, (id, number) => Some.Item(id, number, Now, null));
        var job = await JobOfAsync(100, (id, number) => Some.Item(id, number, Now, null));

        Assert.True(await Store.Jobs.DeleteAsync(job.Id, Cancel));

        Assert.Null(await Store.Jobs.FindAsync(job.Id, Cancel));
        Assert.Null(await Store.Items.FindAsync(job.Id, 0, Cancel));
        Assert.Null(await Store.Chunks.FindAsync(job.Id, 0, Cancel));
        Assert.Empty((await Store.Items.PageAsync(new ItemQuery { Job = job.Id }, Cancel)).Items);
        Assert.Equal(new JobProgress(), await Store.Items.RecountAsync(job.Id, Cancel));
        Assert.False(await Store.Jobs.DeleteAsync(job.Id, Cancel));
        Assert.Equal([kept.Id], (await Store.Jobs.PageAsync(new JobQuery(), Cancel)).Jobs.Select(other => other.Id));
        Assert.Equal(5, (await Store.Items.PageAsync(new ItemQuery { Job = kept.Id }, Cancel)).Items.Count);
        Assert.NotNull(await Store.Explanations.FindAsync(Some.Explanation(77).Id, Cancel));
    }

    [Fact]
    public async Task Nothing_is_saved_for_a_deleted_job()
    {
        var job = (await PlannedJobAsync(2, 2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        var waiting = Assert.Single(await Store.Chunks.ClaimPlannedAsync(job, 2, Hour, Cancel));

        await Store.Jobs.DeleteAsync(job, Cancel);

        Assert.Equal(SaveOutcome.Gone, (await SaveAsync(Some.Result(lease, chunk, Now))).Outcome);
        Assert.Equal(
            LeaseOutcome.Gone,
            (await Store.Chunks.LeaseAsync(Some.Message(waiting), "w", Minute, cancellationToken: Cancel)).Outcome
        );
        Assert.Null(await Store.Items.FindAsync(job, 0, Cancel));
        Assert.False(await Store.Chunks.HeartbeatAsync(lease, Minute, Cancel));
        Assert.Empty((await Store.Items.PageAsync(new ItemQuery { Explanation = Some.Explanation(0).Id }, Cancel)).Items);
    }

    [Fact]
    public async Task The_key_of_a_deleted_job_can_be_used_again()
    {
        var first = await Store.Jobs.CreateAsync(Some.Spec(), "again", Cancel);
        await AddAsync(first.Job.Id, 2);
        await Store.Jobs.DeleteAsync(first.Job.Id, Cancel);

        var second = await Store.Jobs.CreateAsync(Some.Spec("folder:/data/other"), "again", Cancel);

        Assert.Equal(JobCreated.New, second.Outcome);
        Assert.Equal(new PlanTail(0, 0, null, second.Job.Generation), await Store.Jobs.PlanTailAsync(second.Job.Id, Cancel));
        await AddAsync(second.Job.Id, 1);
        await Store.Jobs.FinishPlanningAsync(second.Job.Id, cancellationToken: Cancel);
        Clock.Advance(24 * Hour);
        await Store.RepairAsync(Cancel);
        var (chunk, lease) = await LeaseNextAsync(second.Job.Id);
        Assert.True((await SaveAsync(Some.Result(lease, chunk, Now))).JobCompleted);
    }
}
