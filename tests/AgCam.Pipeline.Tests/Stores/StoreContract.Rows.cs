using System.Text;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    private protected ChunkResult Measured(ChunkLease lease, Chunk chunk, string what = "measured") =>
        new(
            lease,
            [],
            [.. chunk.References.Select(reference => Some.Item(chunk.Owner, reference.Number, Now, null) with { Explanation = null })]
        )
        {
            Rows = ChunkRows.Of(chunk.Number, "header", chunk.References.Select(reference => $"{what} {reference.Number}")),
        };

    private static string Text(ChunkRows rows)
    {
        using var stream = new MemoryStream();
        rows.WriteTo(stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    [Fact]
    public async Task Rows_are_read_in_chunk_order_although_saved_in_another()
    {
        var (job, other) = ((await PlannedJobAsync(Some.Spec("dataset:/val"), 2, 2, 2)).Id, (await PlannedJobAsync(1)).Id);
        var leased = new List<(Chunk Chunk, ChunkLease Lease)>
        {
            await LeaseNextAsync(job),
            await LeaseNextAsync(job),
            await LeaseNextAsync(job),
        };
        foreach (var (chunk, lease) in leased.AsEnumerable().Reverse())
            Assert.Equal(
                (SaveOutcome.Saved, 2),
                await SaveAsync(Measured(lease, chunk)) is var answer ? (answer.Outcome, answer.NewItems) : default
            );
        var (ordinary, ordinaryLease) = await LeaseNextAsync(other);
        await SaveAsync(Some.Result(ordinaryLease, ordinary, Now));

        await using var reopened = await ReopenAsync(Clock);
        var rows = await reopened.Rows.PageAsync(job, 0, cancellationToken: Cancel);

        Assert.Equal([0, 1, 2], rows.Select(item => item.Chunk));
        Assert.Equal(["measured 0\nmeasured 1\n", "measured 2\nmeasured 3\n", "measured 4\nmeasured 5\n"], rows.Select(Text));
        Assert.All(rows, item => Assert.Equal("header", item.Header));
        Assert.Equal([1], (await reopened.Rows.PageAsync(job, 1, 1, Cancel)).Select(item => item.Chunk));
        Assert.Empty(await reopened.Rows.PageAsync(job, 3, cancellationToken: Cancel));
        Assert.Empty(await reopened.Rows.PageAsync(other, 0, cancellationToken: Cancel));
        Assert.Empty(await reopened.Rows.PageAsync(Guid.NewGuid(), 0, cancellationToken: Cancel));
        Assert.Equal(new JobProgress { ChunksDone = 3, Completed = 6 }, (await reopened.Jobs.FindAsync(job, Cancel))!.Progress);
    }

    [Fact]
    public async Task A_chunk_measured_twice_has_its_rows_once()
    {
        var job = (await PlannedJobAsync(2)).Id;
        var (chunk, slow) = await LeaseNextAsync(job);
        Clock.Advance(2 * Hour);
        var again = Assert.Single(await Store.Chunks.RequeueExpiredAsync(Hour, cancellationToken: Cancel));
        var quick = (await Store.Chunks.LeaseAsync(Some.Message(again), "other", Minute, cancellationToken: Cancel)).Lease!;

        Assert.Equal(SaveOutcome.LeaseLost, (await SaveAsync(Measured(slow, chunk, "slow"))).Outcome);
        Assert.Empty(await Store.Rows.PageAsync(job, 0, cancellationToken: Cancel));
        Assert.Equal(SaveOutcome.Saved, (await SaveAsync(Measured(quick, chunk, "quick"))).Outcome);
        Assert.Equal(SaveOutcome.AlreadyDone, (await SaveAsync(Measured(slow, chunk, "slow"))).Outcome);

        Assert.Equal("quick 0\nquick 1\n", Text(Assert.Single(await Store.Rows.PageAsync(job, 0, cancellationToken: Cancel))));
    }

    [Fact]
    public async Task Rows_are_deleted_with_their_job()
    {
        var (job, kept) = ((await PlannedJobAsync(1)).Id, (await PlannedJobAsync(1)).Id);
        foreach (var id in new[] { job, kept })
        {
            var (chunk, lease) = await LeaseNextAsync(id);
            await SaveAsync(Measured(lease, chunk));
        }

        Assert.True(await Store.Jobs.DeleteAsync(job, Cancel));

        Assert.Empty(await Store.Rows.PageAsync(job, 0, cancellationToken: Cancel));
        Assert.Single(await Store.Rows.PageAsync(kept, 0, cancellationToken: Cancel));
    }

    [Fact]
    public async Task Rows_beside_explanations_or_of_another_chunk_are_refused()
    {
        var job = (await PlannedJobAsync(1, 1)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        var good = Measured(lease, chunk);
        foreach (
            var wrong in new[]
            {
                good with
                {
                    Items = [Some.Item(job, 0, Now, null)],
                },
                good with
                {
                    Explanations = [Some.Explanation(0)],
                },
                good with
                {
                    Rows = null,
                },
                good with
                {
                    Rows = good.Rows! with { Chunk = 1 },
                },
                good with
                {
                    Items = [good.Items[0] with { Probability = null }],
                },
            }
        )
            await Assert.ThrowsAsync<ArgumentException>(() => SaveAsync(wrong));
        Assert.Empty(await Store.Rows.PageAsync(job, 0, cancellationToken: Cancel));

        Assert.Equal(SaveOutcome.Saved, (await SaveAsync(good)).Outcome);
    }

    [Fact]
    public async Task An_evaluation_job_is_read_as_it_was_created()
    {
        var spec = Some.Evaluation("/val") with { Tags = ["a"], Weight = 3 };
        var job = await Store.Jobs.CreateAsync(spec, "the key", Cancel);
        await using var reopened = await ReopenAsync(Clock);

        AssertSame(spec, (await reopened.Jobs.FindAsync(job.Job.Id, Cancel))!.Spec);
        Assert.Equal(
            JobCreated.Existing,
            (await reopened.Jobs.CreateAsync(Some.Evaluation("/val") with { Tags = ["a"], Weight = 3 }, "the key", Cancel)).Outcome
        );
        Assert.Equal(
            JobCreated.Conflict,
            (await reopened.Jobs.CreateAsync(spec with { Evaluation = spec.Evaluation! with { Batch = 5 } }, "the key", Cancel)).Outcome
        );
    }
}
