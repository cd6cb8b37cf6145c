using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Tests one idempotency key that is sent for a job and a request, or for two requests.</summary>
public abstract partial class StoreContract
{
    [Fact]
    public async Task A_job_cannot_use_the_key_of_a_request_that_is_open_done_or_forgotten()
    {
        await Store.Chunks.AcceptAsync(Some.Request("key"), Hour, "anna", Cancel);
        async Task RefusedAsync()
        {
            var used = await Assert.ThrowsAsync<KeyUsedException>(() => Store.Jobs.CreateAsync(Some.Spec(), "key", Cancel));
            Assert.Equal((RequestId.Of("key"), ClaimKind.Request), (used.Id, used.By));
            Assert.Null(await Store.Jobs.FindAsync(RequestId.Of("key"), Cancel));
        }

        await RefusedAsync();
        var answer = await Store.Chunks.LeaseAsync(Some.Request("key"), "w", Minute, cancellationToken: Cancel);
        await RefusedAsync();
        await SaveAsync(Some.Result(answer.Lease!, answer.Chunk!, Now));
        await RefusedAsync();
        Clock.Advance(2 * Hour);
        Assert.Equal(1, await Store.Chunks.ForgetRequestsAsync(Hour, cancellationToken: Cancel));
        await RefusedAsync();

        Assert.Empty((await Store.Jobs.PageAsync(new JobQuery(), Cancel)).Jobs);
        Assert.Empty(await Store.Jobs.UnplannedAsync(Cancel));
        Assert.Equal(
            new Claim(ClaimKind.Request, Some.Request("key").Hash(), "anna"),
            await Store.Chunks.FindClaimAsync(RequestId.Of("key"), Cancel)
        );
    }

    [Fact]
    public async Task A_request_cannot_use_the_key_of_a_job_in_any_state()
    {
        var job = (await Store.Jobs.CreateAsync(Some.Spec() with { Owner = "anna" }, "key", Cancel)).Job.Id;
        async Task RefusedAsync()
        {
            var used = await Assert.ThrowsAsync<KeyUsedException>(() =>
                Store.Chunks.AcceptAsync(Some.Request("key"), Hour, cancellationToken: Cancel)
            );
            Assert.Equal((job, ClaimKind.Job), (used.Id, used.By));
            var answer = await Store.Chunks.LeaseAsync(Some.Request("key"), "w", Minute, cancellationToken: Cancel);
            Assert.Equal(new LeaseAnswer(LeaseOutcome.KeyUsed, null, null), answer);
        }

        await RefusedAsync();
        Assert.Null(await Store.Chunks.FindAsync(job, 0, Cancel));
        await AddAsync(job, 1);
        await RefusedAsync();
        await Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel);
        var (chunk, lease) = await LeaseNextAsync(job);
        await RefusedAsync();
        await SaveAsync(Some.Result(lease, chunk, Now));
        await RefusedAsync();

        var done = (await Store.Jobs.FindAsync(job, Cancel))!;
        Assert.Equal((JobState.Completed, 1, 1), (done.State, done.Images, done.Progress.Completed));
        Assert.Equal(done.Progress, await Store.Items.RecountAsync(job, Cancel));
        Assert.Equal(Claim.OfJob("anna"), await Store.Chunks.FindClaimAsync(job, Cancel));
    }

    [Theory]
    [InlineData("threshold")]
    [InlineData("method")]
    [InlineData("dtype")]
    [InlineData("embedding")]
    [InlineData("targets")]
    [InlineData("model")]
    [InlineData("label")]
    [InlineData("uri")]
    [InlineData("metadata")]
    [InlineData("images")]
    public async Task A_different_request_cannot_use_the_key_of_one_that_is_open_done_or_forgotten(string field)
    {
        var request = Some.Request("key");
        var image = request.References[0];
        var other = field switch
        {
            "threshold" => request with { Threshold = 0.4 },
            "method" => request with { Method = "rollout" },
            "dtype" => request with { Dtype = "bfloat16" },
            "embedding" => request with { Embedding = false },
            "targets" => request with { Targets = ["top:5"] },
            "model" => request with { Model = Some.Model with { Sha256 = Some.Digest("other") } },
            "label" => request with { References = [image with { Label = "cat" }] },
            "uri" => request with { References = [image with { Uri = "/data/other.jpg" }] },
            "metadata" => request with { References = [image with { Metadata = new Dictionary<string, string> { ["a"] = "b" } }] },
            _ => Some.Request("key", 2),
        };
        async Task RefusedAsync()
        {
            Assert.Equal(
                ClaimKind.Request,
                (await Assert.ThrowsAsync<KeyUsedException>(() => Store.Chunks.AcceptAsync(other, Hour, cancellationToken: Cancel))).By
            );
            Assert.Equal(LeaseOutcome.KeyUsed, (await Store.Chunks.LeaseAsync(other, "w", Minute, redelivered: true, Cancel)).Outcome);
        }

        await Store.Chunks.AcceptAsync(request, Hour, cancellationToken: Cancel);
        await RefusedAsync();
        var answer = await Store.Chunks.LeaseAsync(request, "w", Minute, cancellationToken: Cancel);
        Assert.Equal(LeaseOutcome.Granted, answer.Outcome);
        await RefusedAsync();
        await SaveAsync(Some.Result(answer.Lease!, answer.Chunk!, Now));
        await RefusedAsync();
        Assert.Equal(LeaseOutcome.Done, (await Store.Chunks.LeaseAsync(request, "w", Minute, cancellationToken: Cancel)).Outcome);
        Clock.Advance(2 * Hour);
        await Store.Chunks.ForgetRequestsAsync(Hour, cancellationToken: Cancel);
        await RefusedAsync();
        await Store.Chunks.AcceptAsync(request, Hour, cancellationToken: Cancel);
    }

    [Fact]
    public async Task Two_uploads_of_equal_bytes_under_one_key_are_the_same_request()
    {
        ExplainImages Sent(string bytes) =>
            Some.Request("key") with
            {
                References =
                [
                    new ImageReference
                    {
                        Kind = ReferenceKind.Upload,
                        Uri = Guid.NewGuid().ToString(),
                        KnownSha256 = Some.Digest(bytes),
                    },
                ],
            };

        var first = await Store.Chunks.AcceptAsync(Sent("a"), Hour, cancellationToken: Cancel);
        AssertSame(first, await Store.Chunks.AcceptAsync(Sent("a"), Hour, cancellationToken: Cancel));
        await Assert.ThrowsAsync<KeyUsedException>(() => Store.Chunks.AcceptAsync(Sent("b"), Hour, cancellationToken: Cancel));
    }

    [Fact]
    public async Task A_key_is_free_after_its_job_or_request_is_deleted()
    {
        var id = RequestId.Of("key");
        await Store.Chunks.AcceptAsync(Some.Request("key"), Hour, cancellationToken: Cancel);
        Assert.True(await Store.Jobs.DeleteAsync(id, Cancel));
        Assert.Null(await Store.Chunks.FindClaimAsync(id, Cancel));

        Assert.Equal(JobCreated.New, (await Store.Jobs.CreateAsync(Some.Spec() with { Owner = "ben" }, "key", Cancel)).Outcome);
        Assert.Equal(Claim.OfJob("ben"), await Store.Chunks.FindClaimAsync(id, Cancel));
        Assert.True(await Store.Jobs.DeleteAsync(id, Cancel));

        await Store.Chunks.AcceptAsync(Some.Request("key", 3), Hour, cancellationToken: Cancel);
        Assert.Equal(3, (await Store.Chunks.FindAsync(id, 0, Cancel))!.Count);
        Assert.Null(await Store.Jobs.FindAsync(id, Cancel));
    }

    [Fact]
    public async Task A_job_and_a_request_created_at_once_under_one_key_have_one_winner()
    {
        await using var other = await ReopenAsync(Clock);
        var wins = new List<ClaimKind>();
        for (var round = 0; round < 40; round++)
        {
            var (key, id) = ($"key {round}", RequestId.Of($"key {round}"));
            async Task<ClaimKind?> TryAsync(ClaimKind kind, Func<Task> work)
            {
                await Task.Yield();
                try
                {
                    await work();
                    return kind;
                }
                catch (KeyUsedException)
                {
                    return null;
                }
            }

            // The second to start may be faster, so both orders run, from both processes.
            var (jobs, requests) = round % 2 == 0 ? (Store, other) : (other, Store);
            var job = () => TryAsync(ClaimKind.Job, () => jobs.Jobs.CreateAsync(Some.Spec(), key, Cancel));
            var request = () =>
                TryAsync(ClaimKind.Request, () => requests.Chunks.AcceptAsync(Some.Request(key), Hour, cancellationToken: Cancel));
            var message = () =>
                TryAsync(
                    ClaimKind.Request,
                    async () =>
                    {
                        if (
                            (await requests.Chunks.LeaseAsync(Some.Request(key), "w", Minute, cancellationToken: Cancel)).Outcome
                            == LeaseOutcome.KeyUsed
                        )
                            throw new KeyUsedException(id, ClaimKind.Job);
                    }
                );
            var attempts = (round % 4 < 2 ? new[] { job, request, message } : [message, request, job])
                .Select(item => Task.Run(item))
                .ToList();
            var winners = (await Task.WhenAll(attempts)).OfType<ClaimKind>().Distinct().ToList();

            var winner = Assert.Single(winners);
            wins.Add(winner);
            Assert.Equal(winner, (await Store.Chunks.FindClaimAsync(id, Cancel))!.Kind);
            Assert.Equal(winner == ClaimKind.Job, await Store.Jobs.FindAsync(id, Cancel) is not null);
            Assert.Equal(winner == ClaimKind.Request, await Store.Chunks.FindAsync(id, 0, Cancel) is { Request: not null });
        }
        Assert.Equal(40, wins.Count);
    }

    [Fact]
    public async Task Jobs_are_listed_by_owner_and_the_owner_is_not_part_of_the_request()
    {
        var hers = (await Store.Jobs.CreateAsync(Some.Spec() with { Owner = "anna" }, "a", Cancel)).Job;
        await Store.Jobs.CreateAsync(Some.Spec() with { Owner = "ben" }, "b", Cancel);
        await Store.Jobs.CreateAsync(Some.Spec(), "c", Cancel);

        Assert.Equal([hers.Id], (await Store.Jobs.PageAsync(new JobQuery { Owner = "anna" }, Cancel)).Jobs.Select(job => job.Id));
        Assert.Equal("anna", (await Store.Jobs.FindAsync(hers.Id, Cancel))!.Spec.Owner);
        Assert.Equal(3, (await Store.Jobs.PageAsync(new JobQuery(), Cancel)).Jobs.Count);
        Assert.Empty((await Store.Jobs.PageAsync(new JobQuery { Owner = "Anna" }, Cancel)).Jobs);
        var again = await Store.Jobs.CreateAsync(Some.Spec() with { Owner = "admin" }, "a", Cancel);
        Assert.Equal((JobCreated.Existing, "anna"), (again.Outcome, again.Job.Spec.Owner));
    }
}
