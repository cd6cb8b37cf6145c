using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    private async Task<Guid> CancelledAsync(params string[] tags)
    {
        var job = (await PlannedJobAsync(Some.Spec("folder:/data/pets", tags), 2, 1)).Id;
        Assert.True(await Store.Jobs.CancelAsync(job, cancellationToken: Cancel));
        Clock.Advance(Minute);
        return job;
    }

    private async Task<Guid[]> EndedAsync(DateTimeOffset before, string? tag = null, int limit = 100) =>
        [
            .. (
                await Store.Jobs.EndedAsync(
                    new EndedJobsQuery
                    {
                        Before = before,
                        Tag = tag,
                        Limit = limit,
                    },
                    Cancel
                )
            ).Select(job => job.Id),
        ];

    [Fact]
    public async Task Ended_jobs_are_listed_by_their_end_and_tag_and_counted()
    {
        var first = await CancelledAsync("nightly", "pets");
        var second = await CancelledAsync("pets");
        var before = Now;
        var third = await CancelledAsync("nightly");
        await PlannedJobAsync(Some.Spec("folder:/data/pets", "nightly"), 1); // running

        Assert.Equal([first, second, third], await EndedAsync(Now));
        Assert.Equal([first, second], await EndedAsync(before));
        Assert.Equal([first, third], await EndedAsync(Now, "nightly"));
        Assert.Equal([first], await EndedAsync(Now, "nightly", limit: 1));
        Assert.Empty(await EndedAsync(Now - Hour));
        Assert.Equal(new EndedJobsCount(3, 9), await Store.Jobs.CountEndedAsync(new EndedJobsQuery { Before = Now }, Cancel));
        var nightly = new EndedJobsQuery
        {
            Before = Now,
            Tag = "nightly",
            Limit = 1,
        };
        Assert.Equal(new EndedJobsCount(2, 6), await Store.Jobs.CountEndedAsync(nightly, Cancel));
        Assert.Equal(new EndedJobsCount(0, 0), await Store.Jobs.CountEndedAsync(nightly with { Tag = "none" }, Cancel));
        await Assert.ThrowsAsync<StoreQueryException>(() => EndedAsync(Now, limit: 0));
        await Assert.ThrowsAsync<StoreQueryException>(() => EndedAsync(Now, limit: 1001));
    }

    [Fact]
    public async Task Ended_jobs_are_listed_by_owner()
    {
        var annas = (await PlannedJobAsync(Some.Spec() with { Owner = "anna" }, 1)).Id;
        var nobodys = (await PlannedJobAsync(Some.Spec(), 1)).Id;
        foreach (var job in new[] { annas, nobodys })
            Assert.True(await Store.Jobs.CancelAsync(job, cancellationToken: Cancel));
        Clock.Advance(Minute);
        var ofAnna = new EndedJobsQuery { Before = Now, Owner = "anna" };

        Assert.Equal([annas], (await Store.Jobs.EndedAsync(ofAnna, Cancel)).Select(job => job.Id));
        Assert.Equal(new EndedJobsCount(1, 1), await Store.Jobs.CountEndedAsync(ofAnna, Cancel));
        Assert.Empty(await Store.Jobs.EndedAsync(ofAnna with { Owner = "ben" }, Cancel));
        Assert.Equal(2, (await EndedAsync(Now)).Length);
    }

    [Fact]
    public async Task A_completed_job_counts_as_ended_once_its_completion_has_been_published_and_notified()
    {
        var job = (await JobOfAsync(1, (id, number) => Some.Item(id, number, Now, null))).Id;
        Clock.Advance(Minute);
        Assert.Empty(await EndedAsync(Now));
        await Store.Jobs.MarkEventPublishedAsync(job, Cancel);
        Assert.Empty(await EndedAsync(Now));

        await Store.Jobs.MarkNotifiedAsync(job, Cancel);

        Assert.Equal([job], await EndedAsync(Now));
        Assert.True(await Store.Jobs.DeleteAsync(job, Cancel));
        Assert.Empty(await EndedAsync(Now));
    }

    [Fact]
    public async Task A_job_of_hundreds_of_chunks_is_deleted_completely_and_can_be_created_again()
    {
        const int Chunks = 450; // more than one step of a deletion
        var job = (await Store.Jobs.CreateAsync(Some.Spec(), "large", Cancel)).Job.Id;
        await AddAsync(job, [.. Enumerable.Repeat(1, Chunks)]);

        Assert.True(await Store.Jobs.DeleteAsync(job, Cancel));

        Assert.Null(await Store.Chunks.FindAsync(job, 0, Cancel));
        Assert.Null(await Store.Chunks.FindAsync(job, Chunks - 1, Cancel));
        Assert.Equal(JobCreated.New, (await Store.Jobs.CreateAsync(Some.Spec(), "large", Cancel)).Outcome);
        await AddAsync(job, 2);
        Assert.Equal(0, (await Store.RepairAsync(Cancel)).JobsDeleted);
        Assert.Equal(new PlanTail(1, 2, "/data/pets/1.jpg"), await Store.Jobs.PlanTailAsync(job, Cancel) with { Generation = 0 });
    }

    [Fact]
    public async Task Items_of_forgotten_requests_are_deleted_by_age_and_all_others_stay()
    {
        async Task<Guid> DoneAsync(string key)
        {
            var answer = await Store.Chunks.LeaseAsync(Some.Request(key, 2), "w", Minute, cancellationToken: Cancel);
            await SaveAsync(Some.Result(answer.Lease!, answer.Chunk!, Now));
            return RequestId.Of(key);
        }

        var forgotten = await DoneAsync("forgotten");
        var job = (await JobOfAsync(1, (id, number) => Some.Item(id, number, Now, null))).Id;
        Clock.Advance(2 * Hour);
        Assert.Equal(1, await Store.Chunks.ForgetRequestsAsync(Hour, cancellationToken: Cancel));
        var known = await DoneAsync("known");
        Guid[] owners = [forgotten, known, job, Guid.NewGuid(), forgotten];

        Assert.Equal(0, await Store.Items.DeleteForgottenAsync(owners, 3 * Hour, Cancel));
        Assert.Equal(0, await Store.Items.DeleteForgottenAsync([], Hour, Cancel));
        Clock.Advance(2 * Hour);
        Assert.Equal(2, await Store.Items.DeleteForgottenAsync(owners, Hour, Cancel));
        Assert.Equal(0, await Store.Items.DeleteForgottenAsync(owners, Hour, Cancel));

        Assert.Null(await Store.Items.FindAsync(forgotten, 0, Cancel));
        Assert.Null(await Store.Items.FindAsync(forgotten, 1, Cancel));
        Assert.Null(await Store.Chunks.FindClaimAsync(forgotten, Cancel));
        Assert.NotNull(await Store.Chunks.FindClaimAsync(known, Cancel));
        Assert.NotNull(await Store.Chunks.FindClaimAsync(job, Cancel));
        Assert.NotNull(await Store.Items.FindAsync(known, 1, Cancel));
        Assert.NotNull(await Store.Items.FindAsync(job, 0, Cancel));
        Assert.Equal(await DoneAsync("forgotten"), forgotten); // the key is free: a new request has new items
        Assert.Equal(Now, (await Store.Items.FindAsync(forgotten, 0, Cancel))!.Time);
    }

    [Fact]
    public async Task The_store_reports_its_size()
    {
        await JobOfAsync(64, (id, number) => Some.Item(id, number, Now, null));

        var size = await Store.SizeAsync(Cancel);

        Assert.True(size.Bytes > 10_000, $"{size}");
        Assert.True(size.FreeBytes is null or > 0, $"{size}");
    }
}
