using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.TestHost;

/// <summary>A store whose process dies at a named point of its use.</summary>
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

    public Task ProbeAsync(CancellationToken cancellationToken = default) => store.ProbeAsync(cancellationToken);

    public Task MigrateAsync(CancellationToken cancel = default) => store.MigrateAsync(cancel);

    public Task<int> SchemaVersionAsync(CancellationToken cancel = default) => store.SchemaVersionAsync(cancel);

    public Task<RepairReport> RepairAsync(CancellationToken cancel = default) => store.RepairAsync(cancel);

    public Task<Backlog> BacklogAsync(CancellationToken cancel = default) => store.BacklogAsync(cancel);

    public Task<StoreSize> SizeAsync(CancellationToken cancellationToken = default) => store.SizeAsync(cancellationToken);

    public ValueTask DisposeAsync() => store.DisposeAsync();

    /// <summary>What the process says when it has a chunk in hand for the first time.</summary>
    public const string HasLease = "has a chunk";

    private sealed class MortalChunks(IChunks chunks, Death? death) : IChunks
    {
        private int _told;

        public async Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> results, CancellationToken cancel = default)
        {
            if (death?.IsDue(Death.MidWrite) == true)
            {
                _ = chunks.SaveAsync(results, cancel);
                await Task.Delay(1, CancellationToken.None);
                Death.Now();
            }
            var answers = await chunks.SaveAsync(results, cancel);
            death?.Pass(Death.AfterWrite);
            return answers;
        }

        public Task<bool> ReleaseAsync(ChunkLease held, TimeSpan trust, bool faulted = false, CancellationToken cancel = default)
        {
            death?.Pass(Death.Draining);
            return chunks.ReleaseAsync(held, trust, faulted, cancel);
        }

        public Task<Chunk?> FindAsync(Guid owner, int number, CancellationToken cancel = default) => chunks.FindAsync(owner, number, cancel);

        public Task<IReadOnlyList<Chunk>> TakeAsync(Guid job, int window, TimeSpan trust, CancellationToken cancel = default) => chunks.TakeAsync(job, window, trust, cancel);

        public Task<IReadOnlyList<Chunk>> RetakeAsync(TimeSpan trust, int limit = 100, bool all = false, CancellationToken cancel = default) => chunks.RetakeAsync(trust, limit, all, cancel);

        public Task<Chunk> AcceptAsync(ExplainImages request, TimeSpan trust, string? owner = null, CancellationToken cancel = default) =>
            chunks.AcceptAsync(request, trust, owner, cancel);

        public Task<Claim?> FindClaimAsync(Guid owner, CancellationToken cancel = default) => chunks.FindClaimAsync(owner, cancel);

        public Task<int> ForgetRequestsAsync(TimeSpan age, int limit = 1000, CancellationToken cancel = default) => chunks.ForgetRequestsAsync(age, limit, cancel);

        public async Task<LeaseAnswer> LeaseAsync(ExplainImages message, string worker, TimeSpan lease, bool redelivered = false, CancellationToken cancel = default)
        {
            var answer = await chunks.LeaseAsync(message, worker, lease, redelivered, cancel);
            if (answer.Outcome == LeaseOutcome.Granted && Interlocked.Exchange(ref _told, 1) == 0)
                Console.WriteLine(HasLease);
            return answer;
        }

        public Task<bool> HeartbeatAsync(ChunkLease held, TimeSpan lease, CancellationToken cancel = default) => chunks.HeartbeatAsync(held, lease, cancel);

        public Task<int> BeginAloneAsync(ChunkLease held, int number, CancellationToken cancel = default) => chunks.BeginAloneAsync(held, number, cancel);

        public Task EndAloneAsync(ChunkLease held, int number, CancellationToken cancel = default) => chunks.EndAloneAsync(held, number, cancel);
    }

    private sealed class MortalJobs(IJobs jobs, Death? death) : IJobs
    {
        public async Task<PlanTail?> AddChunksAsync(Guid job, PlanTail tail, IReadOnlyList<IReadOnlyList<ImageReference>> chunks, CancellationToken cancel = default)
        {
            var next = await jobs.AddChunksAsync(job, tail, chunks, cancel);
            death?.Pass(Death.Planning);
            return next;
        }

        public Task<JobCreation> CreateAsync(JobSpec spec, string? key = null, CancellationToken cancel = default) => jobs.CreateAsync(spec, key, cancel);

        public Task<Job?> FindAsync(Guid id, CancellationToken cancel = default) => jobs.FindAsync(id, cancel);

        public Task<JobPage> PageAsync(JobQuery query, CancellationToken cancel = default) => jobs.PageAsync(query, cancel);

        public Task<IReadOnlyList<Job>> EndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default) =>
            jobs.EndedAsync(query, cancellationToken);

        public Task<EndedJobsCount> CountEndedAsync(EndedJobsQuery query, CancellationToken cancellationToken = default) =>
            jobs.CountEndedAsync(query, cancellationToken);

        public Task<bool> HoldPlanningAsync(Guid job, string planner, TimeSpan lease, CancellationToken cancel = default) => jobs.HoldPlanningAsync(job, planner, lease, cancel);

        public Task<IReadOnlyList<Guid>> UnplannedAsync(CancellationToken cancel = default) => jobs.UnplannedAsync(cancel);

        public Task<PlanTail> PlanTailAsync(Guid job, CancellationToken cancel = default) => jobs.PlanTailAsync(job, cancel);

        public Task<Job?> FinishPlanningAsync(Guid job, long? life = null, CancellationToken cancel = default) => jobs.FinishPlanningAsync(job, life, cancel);

        public Task<bool> PauseAsync(Guid job, string reason, CancellationToken cancel = default) => jobs.PauseAsync(job, reason, cancel);

        public Task<Judgement> JudgeAsync(Guid job, string? reason, CancellationToken cancel = default) => jobs.JudgeAsync(job, reason, cancel);

        public Task<bool> ResumeAsync(Guid job, CancellationToken cancel = default) => jobs.ResumeAsync(job, cancel);

        public Task<bool> CancelAsync(Guid job, string? reason = null, CancellationToken cancel = default) => jobs.CancelAsync(job, reason, cancel);

        public Task<bool> DeleteAsync(Guid job, CancellationToken cancel = default) => jobs.DeleteAsync(job, cancel);

        public Task<IReadOnlyList<Job>> UntoldAsync(int limit = 100, CancellationToken cancel = default) => jobs.UntoldAsync(limit, cancel);

        public Task<bool> HoldTellingAsync(Guid job, string teller, TimeSpan lease, CancellationToken cancel = default) => jobs.HoldTellingAsync(job, teller, lease, cancel);

        public Task MarkAnnouncedAsync(Guid job, CancellationToken cancel = default) => jobs.MarkAnnouncedAsync(job, cancel);

        public Task MarkToldAsync(Guid job, CancellationToken cancel = default) => jobs.MarkToldAsync(job, cancel);
    }
}
