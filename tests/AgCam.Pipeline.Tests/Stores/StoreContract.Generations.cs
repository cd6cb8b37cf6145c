using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>
/// Tests a job that is deleted and recreated under its key, while messages, leases and planners of the deleted one still exist.
/// </summary>
public abstract partial class StoreContract
{
    [Fact]
    public async Task A_message_of_a_deleted_job_is_stale_in_the_recreated_job()
    {
        var first = await CreatePlannedAsync("folder:/wrong", 2);
        var published = Some.Message(Assert.Single(await Store.Chunks.ClaimPlannedAsync(first, 1, Hour, Cancel)));
        await Store.Jobs.DeleteAsync(first, Cancel);
        Assert.Equal(LeaseOutcome.Gone, (await Store.Chunks.LeaseAsync(published, "w", Minute, cancellationToken: Cancel)).Outcome);

        var second = await CreatePlannedAsync("folder:/right", 3);
        Assert.Equal(first, second);
        var chunk = Assert.Single(await Store.Chunks.ClaimPlannedAsync(second, 1, Hour, Cancel));
        // Only the generation tells the two apart.
        Assert.Equal((0, 1, published.PublishCount), (chunk.Number, chunk.PublishCount, chunk.PublishCount));
        Assert.Equal(LeaseOutcome.Stale, (await Store.Chunks.LeaseAsync(published, "w", Minute, redelivered: true, Cancel)).Outcome);

        var granted = await Store.Chunks.LeaseAsync(Some.Message(chunk), "w", Minute, cancellationToken: Cancel);
        Assert.Equal((LeaseOutcome.Granted, 3), (granted.Outcome, granted.Chunk!.References.Count));
    }

    [Fact]
    public async Task A_lease_of_a_deleted_job_stores_nothing_in_the_recreated_job()
    {
        var first = await CreatePlannedAsync("folder:/wrong", 2);
        var (old, lease) = await LeaseNextAsync(first);
        await Store.Jobs.DeleteAsync(first, Cancel);
        var second = await CreatePlannedAsync("folder:/right", 2);
        var (chunk, held) = await LeaseNextAsync(second);
        Assert.Equal(lease.Attempt, held.Attempt);

        Assert.False(await Store.Chunks.HeartbeatAsync(lease, Minute, Cancel));
        Assert.Equal(-1, await Store.Chunks.BeginIsolatedAsync(lease, 0, Cancel));
        Assert.Equal(SaveOutcome.LeaseLost, (await SaveAsync(Some.Result(lease, old, Now))).Outcome);
        Assert.False(await Store.Chunks.ReleaseAsync(lease, Hour, cancellationToken: Cancel));

        Assert.Equal(new JobProgress(), await Store.Items.RecountAsync(second, Cancel));
        Assert.Equal(SaveOutcome.Saved, (await SaveAsync(Some.Result(held, chunk, Now))).Outcome);
    }

    [Fact]
    public async Task A_planner_of_a_deleted_job_plans_nothing_in_the_recreated_job()
    {
        var spec = Some.Spec("folder:/wrong");
        var first = (await Store.Jobs.CreateAsync(spec, "key", Cancel)).Job;
        var tail = await Store.Jobs.PlanTailAsync(first.Id, Cancel);
        await Store.Jobs.DeleteAsync(first.Id, Cancel);
        var second = (await Store.Jobs.CreateAsync(spec with { Source = "folder:/right" }, "key", Cancel)).Job;
        Assert.Equal(first.Id, second.Id);
        Assert.NotEqual(first.Generation, second.Generation);

        Assert.Null(await Store.Jobs.AddChunksAsync(second.Id, tail, [Some.References(0, 2)], Cancel));
        Assert.Null((await Store.Jobs.FinishPlanningAsync(second.Id, first.Generation, Cancel))!.Chunks);

        Assert.Equal(2, (await AddAsync(second.Id, 2))!.NextImage);
        Assert.Equal(1, (await Store.Jobs.FinishPlanningAsync(second.Id, second.Generation, Cancel))!.Chunks);
    }

    private async Task<Guid> CreatePlannedAsync(string source, int images)
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec(source), "key", Cancel)).Job;
        await AddAsync(job.Id, images);
        await Store.Jobs.FinishPlanningAsync(job.Id, job.Generation, Cancel);
        return job.Id;
    }
}
