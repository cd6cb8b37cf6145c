using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.TestHost;

/// <summary>Store whose process dies at a named point of a call.</summary>
internal sealed class MortalStore(IStore store, Death? death) : IStore
{
    public string Kind => store.Kind;

    public IExplanations Explanations => store.Explanations;

    public IItems Items => store.Items;

    public IJobs Jobs { get; } = new MortalJobs(store.Jobs, death);

    public IChunks Chunks { get; } = new MortalChunks(store.Chunks, death);

    public IUploads Uploads => store.Uploads;

    public IProvenances Provenances => store.Provenances;

    public IRows Rows => store.Rows;

    public IAudits Audits { get; } = new MortalAudits(store.Audits, death);

    public Task ProbeAsync(CancellationToken cancellationToken = default) => store.ProbeAsync(cancellationToken);

    public Task MigrateAsync(CancellationToken cancellationToken = default) => store.MigrateAsync(cancellationToken);

    public Task<int> SchemaVersionAsync(CancellationToken cancellationToken = default) => store.SchemaVersionAsync(cancellationToken);

    public Task<RepairReport> RepairAsync(CancellationToken cancellationToken = default) => store.RepairAsync(cancellationToken);

    public Task<Backlog> BacklogAsync(CancellationToken cancellationToken = default) => store.BacklogAsync(cancellationToken);

    public Task<StoreSize> SizeAsync(CancellationToken cancellationToken = default) => store.SizeAsync(cancellationToken);

    public ValueTask DisposeAsync() => store.DisposeAsync();

    /// <summary>Line that the process prints after its first lease.</summary>
    public const string HasLease = "has a chunk";

    private sealed class MortalChunks(IChunks chunks, Death? death) : IChunks
    {
        private int _told;

        public async Task<IReadOnlyList<SaveAnswer>> SaveAsync(
            IReadOnlyList<ChunkResult> results,
            CancellationToken cancellationToken = default
        )
        {
            if (death?.IsDue(Death.MidWrite) == true)
            {
                _ = chunks.SaveAsync(results, cancellationToken);
                await Task.Delay(1, CancellationToken.None);
                Death.Now();
            }
            var answers = await chunks.SaveAsync(results, cancellationToken);
            death?.Pass(Death.AfterWrite);
            return answers;
        }

        public Task<bool> ReleaseAsync(
            ChunkLease held,
            TimeSpan visibilityTimeout,
            bool faulted = false,
            CancellationToken cancellationToken = default
        )
        {
            death?.Pass(Death.Draining);
            return chunks.ReleaseAsync(held, visibilityTimeout, faulted, cancellationToken);
        }

        public Task<Chunk?> FindAsync(Guid owner, int number, CancellationToken cancellationToken = default) =>
            chunks.FindAsync(owner, number, cancellationToken);

        public Task<IReadOnlyList<Chunk>> ClaimPlannedAsync(
            Guid job,
            int window,
            TimeSpan visibilityTimeout,
            CancellationToken cancellationToken = default
        ) => chunks.ClaimPlannedAsync(job, window, visibilityTimeout, cancellationToken);

        public Task<IReadOnlyList<Chunk>> RequeueExpiredAsync(
            TimeSpan visibilityTimeout,
            int limit = 100,
            bool all = false,
            CancellationToken cancellationToken = default
        ) => chunks.RequeueExpiredAsync(visibilityTimeout, limit, all, cancellationToken);

        public Task<Chunk> AcceptAsync(
            ExplainImages request,
            TimeSpan visibilityTimeout,
            string? owner = null,
            CancellationToken cancellationToken = default
        ) => chunks.AcceptAsync(request, visibilityTimeout, owner, cancellationToken);

        public Task<Claim?> FindClaimAsync(Guid owner, CancellationToken cancellationToken = default) =>
            chunks.FindClaimAsync(owner, cancellationToken);

        public Task<int> ForgetRequestsAsync(TimeSpan age, int limit = 1000, CancellationToken cancellationToken = default) =>
            chunks.ForgetRequestsAsync(age, limit, cancellationToken);

        public async Task<LeaseAnswer> LeaseAsync(
            ExplainImages message,
            string worker,
            TimeSpan lease,
            bool redelivered = false,
            CancellationToken cancellationToken = default
        )
        {
            var answer = await chunks.LeaseAsync(message, worker, lease, redelivered, cancellationToken);
            if (answer.Outcome == LeaseOutcome.Granted && Interlocked.Exchange(ref _told, 1) == 0)
                Console.WriteLine(HasLease);
            return answer;
        }

        public Task<bool> HeartbeatAsync(ChunkLease held, TimeSpan lease, CancellationToken cancellationToken = default) =>
            chunks.HeartbeatAsync(held, lease, cancellationToken);

        public Task<int> BeginIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default) =>
            chunks.BeginIsolatedAsync(held, number, cancellationToken);

        public Task EndIsolatedAsync(ChunkLease held, int number, CancellationToken cancellationToken = default) =>
            chunks.EndIsolatedAsync(held, number, cancellationToken);
    }

    private sealed class MortalAudits(IAudits audits, Death? death) : IAudits
    {
        public async Task<AuditLease?> LeaseAsync(Guid job, string auditor, TimeSpan lease, CancellationToken cancellationToken = default)
        {
            var held = await audits.LeaseAsync(job, auditor, lease, cancellationToken);
            if (held is not null)
                death?.Pass(Death.BeforeAudit);
            return held;
        }

        public async Task<bool> AddAsync(
            AuditLease held,
            IReadOnlyList<StoredFinding> findings,
            CancellationToken cancellationToken = default
        )
        {
            var added = await audits.AddAsync(held, findings, cancellationToken);
            death?.Pass(Death.MidAudit);
            return added;
        }

        public async Task<bool> CompleteAsync(AuditLease held, byte[] report, CancellationToken cancellationToken = default)
        {
            var completed = await audits.CompleteAsync(held, report, cancellationToken);
            death?.Pass(Death.AfterAudit);
            return completed;
        }

        public Task<IReadOnlyList<Guid>> DueAsync(CancellationToken cancellationToken = default) => audits.DueAsync(cancellationToken);

        public Task<bool> ExtendAsync(AuditLease held, TimeSpan lease, CancellationToken cancellationToken = default) =>
            audits.ExtendAsync(held, lease, cancellationToken);

        public Task ReleaseAsync(AuditLease held, bool faulted = false, CancellationToken cancellationToken = default) =>
            audits.ReleaseAsync(held, faulted, cancellationToken);

        public Task<byte[]?> ReportAsync(Guid job, CancellationToken cancellationToken = default) =>
            audits.ReportAsync(job, cancellationToken);

        public Task<FindingPage> PageAsync(FindingQuery query, CancellationToken cancellationToken = default) =>
            audits.PageAsync(query, cancellationToken);
    }

    private sealed class MortalJobs(IJobs jobs, Death? death) : IJobs
    {
        public async Task<PlanTail?> AddChunksAsync(
            Guid job,
            PlanTail tail,
            IReadOnlyList<IReadOnlyList<ImageReference>> chunks,
            CancellationToken cancellationToken = default
        )
        {
            var next = await jobs.AddChunksAsync(job, tail, chunks, cancellationToken);
            death?.Pass(Death.Planning);
            return next;
        }

        public Task<JobCreation> CreateAsync(JobSpec spec, string? key = null, CancellationToken cancellationToken = default) =>
            jobs.CreateAsync(spec, key, cancellationToken);

        public Task<Job?> FindAsync(Guid id, CancellationToken cancellationToken = default) => jobs.FindAsync(id, cancellationToken);

        public Task<JobPage> PageAsync(JobQuery query, CancellationToken cancellationToken = default) =>
            jobs.PageAsync(query, cancellationToken);

        public Task<IReadOnlyList<Job>> EndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default) =>
            jobs.EndedAsync(query, cancellationToken);

        public Task<EndedJobsCount> CountEndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default) =>
            jobs.CountEndedAsync(query, cancellationToken);

        public Task<bool> LeasePlanningAsync(Guid job, string planner, TimeSpan lease, CancellationToken cancellationToken = default) =>
            jobs.LeasePlanningAsync(job, planner, lease, cancellationToken);

        public Task<IReadOnlyList<Guid>> UnplannedAsync(CancellationToken cancellationToken = default) =>
            jobs.UnplannedAsync(cancellationToken);

        public Task<PlanTail> PlanTailAsync(Guid job, CancellationToken cancellationToken = default) =>
            jobs.PlanTailAsync(job, cancellationToken);

        public Task<Job?> FinishPlanningAsync(Guid job, long? generation = null, CancellationToken cancellationToken = default) =>
            jobs.FinishPlanningAsync(job, generation, cancellationToken);

        public Task<bool> PauseAsync(Guid job, string reason, CancellationToken cancellationToken = default) =>
            jobs.PauseAsync(job, reason, cancellationToken);

        public Task<FailureRateCheck> CheckFailureRateAsync(Guid job, string? reason, CancellationToken cancellationToken = default) =>
            jobs.CheckFailureRateAsync(job, reason, cancellationToken);

        public Task<bool> ResumeAsync(Guid job, CancellationToken cancellationToken = default) => jobs.ResumeAsync(job, cancellationToken);

        public Task<bool> CancelAsync(Guid job, string? reason = null, CancellationToken cancellationToken = default) =>
            jobs.CancelAsync(job, reason, cancellationToken);

        public Task<bool> DeleteAsync(Guid job, CancellationToken cancellationToken = default) => jobs.DeleteAsync(job, cancellationToken);

        public Task<IReadOnlyList<Job>> PendingNotificationsAsync(int limit = 100, CancellationToken cancellationToken = default) =>
            jobs.PendingNotificationsAsync(limit, cancellationToken);

        public Task<bool> LeaseNotificationAsync(
            Guid job,
            string notifier,
            TimeSpan lease,
            CancellationToken cancellationToken = default
        ) => jobs.LeaseNotificationAsync(job, notifier, lease, cancellationToken);

        public Task MarkEventPublishedAsync(Guid job, CancellationToken cancellationToken = default) =>
            jobs.MarkEventPublishedAsync(job, cancellationToken);

        public Task MarkNotifiedAsync(Guid job, CancellationToken cancellationToken = default) =>
            jobs.MarkNotifiedAsync(job, cancellationToken);
    }
}
