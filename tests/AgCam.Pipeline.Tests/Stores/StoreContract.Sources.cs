using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    private static SourceStamp Source(int number, string stamp = "v1") => new(ReferenceKind.File, $"/data/pets/{number}.jpg", stamp);

    private static Item Stamped(Guid job, int number, DateTimeOffset time, string stamp = "v1") =>
        Some.Item(job, number, time, null) with
        {
            Stamp = stamp,
        };

    [Fact]
    public async Task A_source_that_was_read_is_known_under_its_stamp_only()
    {
        await JobOfAsync(3, (job, number) => number == 2 ? Some.Item(job, number, Now, null) : Stamped(job, number, Now));

        var known = await Store.Items.KnownAsync(
            [Source(0), Source(1), Source(1, "v2"), Source(2), Source(9), Source(0) with { Kind = ReferenceKind.S3 }, Source(0)],
            Cancel
        );

        Assert.Equal(
            [(Source(0), Some.Digest("image 0")), (Source(1), Some.Digest("image 1"))],
            known.Select(item => (item.Key, item.Value)).OrderBy(item => item.Key.Uri)
        );
        Assert.Empty(await Store.Items.KnownAsync([], Cancel));
    }

    [Fact]
    public async Task A_failed_image_does_not_make_its_source_known()
    {
        var job = (await PlannedJobAsync(1)).Id;
        var (_, lease) = await LeaseNextAsync(job);
        await SaveAsync(new ChunkResult(lease, [], [Some.Failure(job, 0, Now) with { Stamp = "v1", Sha256 = Some.Digest("image 0") }]));
        Assert.Empty(await Store.Items.KnownAsync([Source(0)], Cancel));
    }

    [Fact]
    public async Task An_unread_image_does_not_make_its_source_known()
    {
        var job = (await PlannedJobAsync(2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        await SaveAsync(
            Some.Result(lease, chunk, Now) with
            {
                Items = [Stamped(job, 0, Now), Stamped(job, 1, Now)],
                Unread = new HashSet<int> { 1 },
            }
        );
        Assert.Equal([Source(0)], (await Store.Items.KnownAsync([Source(0), Source(1)], Cancel)).Keys);
        Assert.Equal("v1", (await Store.Items.FindAsync(job, 1, Cancel))!.Stamp);
    }

    [Fact]
    public async Task A_source_that_was_read_stays_known_when_its_request_runs_again_unread()
    {
        var request = Some.Request("key", 1);
        async Task RunAsync(int[] unread)
        {
            await Store.Chunks.AcceptAsync(request, Hour, cancellationToken: Cancel);
            var answer = await Store.Chunks.LeaseAsync(request, "w", Minute, cancellationToken: Cancel);
            var result = Some.Result(answer.Lease!, answer.Chunk!, Now) with
            {
                Items = [Stamped(request.Owner, 0, Now)],
                Unread = unread.ToHashSet(),
            };
            Assert.Equal(SaveOutcome.Saved, (await SaveAsync(result)).Outcome);
        }

        await RunAsync([]);
        Clock.Advance(2 * Hour);
        Assert.Equal(1, await Store.Chunks.ForgetRequestsAsync(Hour, cancellationToken: Cancel));
        await RunAsync([0]);

        Assert.Equal([Source(0)], (await Store.Items.KnownAsync([Source(0)], Cancel)).Keys);
    }

    [Fact]
    public async Task The_sources_of_a_deleted_job_are_unknown()
    {
        var first = await JobOfAsync(2, (job, number) => Stamped(job, number, Now));
        await JobOfAsync(1, (job, number) => Stamped(job, number, Now));
        await Store.Jobs.DeleteAsync(first.Id, Cancel);
        Assert.Equal([Source(0)], (await Store.Items.KnownAsync([Source(0), Source(1)], Cancel)).Keys);
    }

    [Fact]
    public async Task A_thousand_sources_are_looked_up_in_one_call()
    {
        await JobOfAsync(500, (job, number) => Stamped(job, number, Now));
        var known = await Store.Items.KnownAsync([.. Enumerable.Range(0, 1000).Select(number => Source(number))], Cancel);
        Assert.Equal(500, known.Count);
        Assert.All(known, item => Assert.Equal(Some.Digest($"image {Path.GetFileNameWithoutExtension(item.Key.Uri)}"), item.Value));
    }

    [Fact]
    public async Task Faults_are_counted_apart_from_crashes_and_releases()
    {
        var job = (await PlannedJobAsync(1)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        Assert.Equal(0, chunk.Faults);
        foreach (var faulted in new[] { true, false, true })
        {
            Assert.True(await Store.Chunks.ReleaseAsync(lease, Hour, faulted, Cancel));
            var again = await Store.Chunks.LeaseAsync(Some.Message(chunk), "w", Minute, cancellationToken: Cancel);
            (chunk, lease) = (again.Chunk!, again.Lease!);
        }
        Assert.Equal((2, 0, 4), (chunk.Faults, chunk.Crashes, chunk.Attempts));
        Assert.Equal(2, (await Store.Chunks.FindAsync(job, 0, Cancel))!.Faults);
    }
}
