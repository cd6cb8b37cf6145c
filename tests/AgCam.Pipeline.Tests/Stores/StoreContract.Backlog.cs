using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    [Fact]
    public async Task The_backlog_counts_accepted_images_without_a_record()
    {
        Assert.Equal(new Backlog(0, null), await Store.BacklogAsync(Cancel));

        var startedAt = Now;
        var job = await PlannedJobAsync(3, 2);
        Assert.Equal(new Backlog(5, startedAt), await Store.BacklogAsync(Cancel));

        Clock.Advance(Minute);
        var unplanned = (await Store.Jobs.CreateAsync(Some.Spec("folder:/data/cars"), cancellationToken: Cancel)).Job;
        await AddAsync(unplanned.Id, 7); // its planning has not ended
        await Store.Chunks.AcceptAsync(Some.Request("one", 4), Hour, cancellationToken: Cancel);
        Assert.Equal(new Backlog(16, startedAt), await Store.BacklogAsync(Cancel));

        var (chunk, lease) = await LeaseNextAsync(job.Id);
        await SaveAsync(Some.Result(lease, chunk, Now));
        Assert.Equal(new Backlog(16 - chunk.Count, startedAt), await Store.BacklogAsync(Cancel));

        var later = Now;
        await Store.Jobs.PauseAsync(unplanned.Id, "for a while", Cancel);
        (chunk, lease) = await LeaseNextAsync(job.Id);
        await SaveAsync(Some.Result(lease, chunk, Now));
        Assert.Equal(new Backlog(4, later), await Store.BacklogAsync(Cancel));
    }
}
