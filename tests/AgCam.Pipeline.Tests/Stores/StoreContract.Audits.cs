using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    private static readonly byte[] Report = [1, 2, 3];

    private static JobSpec Audited =>
        Some.Spec() with
        {
            Audit = new AuditSpec
            {
                Findings = ["label", "dark"],
                Top = 7,
                FailOn = "label:2%",
            },
        };

    private async Task<Guid> DueJobAsync()
    {
        var job = (await PlannedJobAsync(Audited, 2)).Id;
        var (chunk, lease) = await LeaseNextAsync(job);
        Assert.False((await SaveAsync(Some.Result(lease, chunk, Now))).JobCompleted);
        return job;
    }

    private async Task<AuditLease> LeaseAuditAsync(Guid job, string auditor = "auditor")
    {
        var lease = await Store.Audits.LeaseAsync(job, auditor, Minute, Cancel);
        Assert.NotNull(lease);
        return lease;
    }

    private async Task<IReadOnlyList<int>> NumbersAsync(FindingQuery query) =>
        [.. (await Store.Audits.PageAsync(query, Cancel)).Findings.Select(finding => finding.Number)];

    [Fact]
    public async Task A_job_with_an_audit_completes_with_it_and_is_notified_then()
    {
        var job = (await PlannedJobAsync(Audited, 1, 1)).Id;
        for (var i = 0; i < 2; i++)
        {
            Assert.Empty(await Store.Audits.DueAsync(Cancel));
            Assert.Null(await Store.Audits.LeaseAsync(job, "early", Minute, Cancel));
            var (chunk, lease) = await LeaseNextAsync(job);
            Assert.False((await SaveAsync(Some.Result(lease, chunk, Now))).JobCompleted);
        }
        Assert.Equal([job], await Store.Audits.DueAsync(Cancel));
        Assert.Equal(JobState.Running, (await Store.Jobs.FindAsync(job, Cancel))!.State);

        var held = await LeaseAuditAsync(job);
        Assert.Equal(new AuditLease(job, "auditor", 1, 0), held);
        Assert.Empty(await Store.Audits.DueAsync(Cancel));
        Assert.True(await Store.Audits.AddAsync(held, [Some.Finding(0)], Cancel));
        Assert.Null(await Store.Audits.ReportAsync(job, Cancel));
        Assert.Empty(await NumbersAsync(new FindingQuery { Job = job }));
        Assert.True(await Store.Audits.CompleteAsync(held, Report, Cancel));
        Assert.False(await Store.Audits.CompleteAsync(held, [9], Cancel));

        await using var reopened = await ReopenAsync(Clock);
        var found = (await reopened.Jobs.FindAsync(job, Cancel))!;
        AssertSame(Audited, found.Spec);
        Assert.Equal(JobState.Completed, found.State);
        Assert.Equal([job], (await reopened.Jobs.PendingNotificationsAsync(cancellationToken: Cancel)).Select(item => item.Id));
        Assert.Equal(Report, await reopened.Audits.ReportAsync(job, Cancel));
        AssertSame([Some.Finding(0)], (await reopened.Audits.PageAsync(new FindingQuery { Job = job }, Cancel)).Findings);
    }

    [Fact]
    public async Task An_audit_of_a_job_without_images_is_due_when_planning_is_finished()
    {
        var job = (await Store.Jobs.CreateAsync(Audited, cancellationToken: Cancel)).Job.Id;
        Assert.Empty(await Store.Audits.DueAsync(Cancel));
        Assert.Equal(JobState.Running, (await Store.Jobs.FinishPlanningAsync(job, cancellationToken: Cancel))!.State);
        Assert.Equal([job], await Store.Audits.DueAsync(Cancel));
        Assert.True(await Store.Audits.CompleteAsync(await LeaseAuditAsync(job), Report, Cancel));
    }

    [Fact]
    public async Task What_a_dead_auditor_stored_is_never_seen()
    {
        var job = await DueJobAsync();
        var dead = await LeaseAuditAsync(job, "dead");
        Assert.True(await Store.Audits.AddAsync(dead, [.. Enumerable.Range(0, 3000).Select(number => Some.Finding(number))], Cancel));
        Assert.Null(await Store.Audits.LeaseAsync(job, "other", Minute, Cancel));
        Clock.Advance(2 * Minute);

        Assert.Equal([job], await Store.Audits.DueAsync(Cancel));
        var held = await LeaseAuditAsync(job, "other");
        Assert.Equal(new AuditLease(job, "other", 2, 1), held);
        Assert.False(await Store.Audits.ExtendAsync(dead, Minute, Cancel));
        Assert.False(await Store.Audits.AddAsync(dead, [Some.Finding(5000)], Cancel));
        Assert.False(await Store.Audits.CompleteAsync(dead, [9], Cancel));
        Assert.True(await Store.Audits.AddAsync(held, [Some.Finding(0), Some.Finding(1)], Cancel));
        Assert.True(await Store.Audits.AddAsync(held, [Some.Finding(2)], Cancel));
        Assert.True(await Store.Audits.CompleteAsync(held, Report, Cancel));

        Assert.Equal([0, 1, 2], await NumbersAsync(new FindingQuery { Job = job, Limit = 1000 }));
    }

    [Fact]
    public async Task A_released_audit_is_free_at_once_and_only_a_fault_counts_as_a_crash()
    {
        var job = await DueJobAsync();
        await Store.Audits.ReleaseAsync(await LeaseAuditAsync(job), cancellationToken: Cancel);
        var second = await LeaseAuditAsync(job);
        Assert.Equal((2, 0), (second.Attempt, second.Crashes));
        Assert.True(await Store.Audits.ExtendAsync(second, Hour, Cancel));
        Clock.Advance(2 * Minute);
        Assert.Empty(await Store.Audits.DueAsync(Cancel));
        await Store.Audits.ReleaseAsync(second, faulted: true, Cancel);
        Assert.Equal(1, (await LeaseAuditAsync(job)).Crashes);

        Assert.True(await Store.Jobs.PauseAsync(job, "it crashed", Cancel));
        Assert.True(await Store.Jobs.ResumeAsync(job, Cancel));
        Clock.Advance(2 * Minute);
        var resumed = await LeaseAuditAsync(job);
        Assert.Equal((4, 1), (resumed.Attempt, resumed.Crashes)); // the lease that expired; what was before is forgotten
    }

    [Fact]
    public async Task An_audit_of_a_paused_or_cancelled_job_stops()
    {
        var (paused, cancelled) = (await DueJobAsync(), await DueJobAsync());
        var (first, second) = (await LeaseAuditAsync(paused), await LeaseAuditAsync(cancelled));
        Assert.True(await Store.Jobs.PauseAsync(paused, "wait", Cancel));
        Assert.True(await Store.Jobs.CancelAsync(cancelled, cancellationToken: Cancel));

        Assert.False(await Store.Audits.ExtendAsync(first, Minute, Cancel));
        Assert.False(await Store.Audits.ExtendAsync(second, Minute, Cancel));
        Assert.False(await Store.Audits.CompleteAsync(second, Report, Cancel));
        Assert.Null(await Store.Audits.ReportAsync(cancelled, Cancel));
        Clock.Advance(2 * Minute);
        Assert.Empty(await Store.Audits.DueAsync(Cancel));
        Assert.True(await Store.Jobs.ResumeAsync(paused, Cancel));
        Assert.Equal([paused], await Store.Audits.DueAsync(Cancel));
    }

    [Fact]
    public async Task Findings_are_listed_by_every_combination_of_filters_page_by_page()
    {
        var job = await DueJobAsync();
        var held = await LeaseAuditAsync(job);
        List<StoredFinding> all = [.. Enumerable.Range(0, 60).Select(number => Some.Finding(number))];
        await Store.Audits.AddAsync(held, all, Cancel);
        await Store.Audits.CompleteAsync(held, Report, Cancel);

        foreach (var finding in new[] { null, "label", "dark", "none" })
        foreach (var index in new int?[] { null, 1, 3 })
        foreach (var image in new int?[] { null, 5 })
        foreach (var issues in new[] { false, true })
        {
            var query = new FindingQuery
            {
                Job = job,
                Finding = finding,
                Class = index,
                Image = image,
                OnlyIssues = issues,
                Limit = 4,
            };
            var expected = all.Where(item =>
                (finding is null || item.Finding == finding)
                && (index is null || item.Class == index)
                && (image is null || item.Image == image)
                && (!issues || item.IsIssue)
            );
            var actual = new List<StoredFinding>();
            for (string? cursor = null; ; )
            {
                var page = await Store.Audits.PageAsync(query with { Cursor = cursor }, Cancel);
                Assert.InRange(page.Findings.Count, page.Next is null ? 0 : 4, 4);
                actual.AddRange(page.Findings);
                if ((cursor = page.Next) is null)
                    break;
            }
            AssertSame(expected.ToList(), actual);
        }
        var next = (await Store.Audits.PageAsync(new FindingQuery { Job = job, Limit = 1 }, Cancel)).Next;
        var other = new FindingQuery
        {
            Job = job,
            Finding = "label",
            Cursor = next,
        };
        await Assert.ThrowsAsync<CursorException>(() => Store.Audits.PageAsync(other, Cancel));
        await Assert.ThrowsAsync<CursorException>(() => Store.Audits.PageAsync(other with { Cursor = "x" }, Cancel));
        await Assert.ThrowsAsync<StoreQueryException>(() => Store.Audits.PageAsync(new FindingQuery { Job = job, Limit = 1001 }, Cancel));
    }

    [Fact]
    public async Task Findings_are_deleted_with_their_job()
    {
        var (job, kept) = (await DueJobAsync(), await DueJobAsync());
        foreach (var id in new[] { job, kept })
        {
            var held = await LeaseAuditAsync(id);
            await Store.Audits.AddAsync(held, [Some.Finding(0)], Cancel);
            await Store.Audits.CompleteAsync(held, Report, Cancel);
        }

        Assert.True(await Store.Jobs.DeleteAsync(job, Cancel));

        Assert.Null(await Store.Audits.ReportAsync(job, Cancel));
        Assert.Empty(await NumbersAsync(new FindingQuery { Job = job }));
        Assert.Equal([0], await NumbersAsync(new FindingQuery { Job = kept }));
    }
}
