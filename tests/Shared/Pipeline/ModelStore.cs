using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;

namespace AgCam.Testing;

/// <summary>
/// Simplest implementation of the contract, with dictionaries and for one caller. The real stores are compared with it.
/// </summary>
internal sealed partial class ModelStore(TimeProvider clock) : IStore, IExplanations, IItems, IJobs, IChunks, IProvenances, IRows, IAudits
{
    private readonly SortedDictionary<Digest, StoredEntry> _explanations = [];
    private readonly Dictionary<(Guid Job, int Number), Item> _items = [];
    private readonly Dictionary<Guid, ModelJob> _jobs = [];
    private readonly Dictionary<(Guid Owner, int Number), Chunk> _chunks = [];
    private readonly Dictionary<(Guid Owner, int Chunk, int Number), (int Starts, int Attempt)> _isolated = [];
    private readonly HashSet<Guid> _deleted = [];
    private readonly Dictionary<Guid, Claim> _claims = [];
    private readonly Dictionary<(Guid Job, int Chunk), ChunkRows> _rows = [];
    private readonly Dictionary<Digest, Provenance> _provenances = [];

    public string Kind => "model";

    public IExplanations Explanations => this;

    public IItems Items => this;

    public IJobs Jobs => this;

    public IChunks Chunks => this;

    public IProvenances Provenances => this;

    public IRows Rows => this;

    public IAudits Audits => this;

    public IUploads Uploads => throw new NotSupportedException("The model keeps no uploads.");

    private DateTimeOffset Now => clock.Now();

    public Task ProbeAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task MigrateAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<int> SchemaVersionAsync(CancellationToken cancellationToken) => Task.FromResult(StoreSchema.Version);

    public Task<RepairReport> RepairAsync(CancellationToken cancellationToken) => Task.FromResult(new RepairReport(0, 0, 0));

    public Task<Backlog> BacklogAsync(CancellationToken cancellationToken)
    {
        var jobs = _jobs.Values.Select(job => job.Job).Where(job => job.State == JobState.Running).ToList();
        var open = _chunks
            .Values.Where(chunk =>
                chunk.State != ChunkState.Done && (_direct.Contains(chunk.Owner) || jobs.Exists(job => job.Id == chunk.Owner))
            )
            .ToList();
        var since = jobs.Select(job => job.Created)
            .Concat(open.Where(chunk => _direct.Contains(chunk.Owner)).Select(chunk => chunk.Published!.Value))
            .ToList();
        return Task.FromResult(new Backlog(open.Sum(chunk => chunk.Count), since.Count == 0 ? null : since.Min()));
    }

    public Task<StoreSize> SizeAsync(CancellationToken cancellationToken) => throw new NotSupportedException("The model has no size.");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task<Digest> PutAsync(Provenance provenance, CancellationToken cancellationToken)
    {
        _provenances.TryAdd(provenance.Id(), provenance);
        return Task.FromResult(provenance.Id());
    }

    Task<Provenance?> IProvenances.FindAsync(Digest id, CancellationToken cancellationToken) =>
        Task.FromResult(_provenances.GetValueOrDefault(id));

    Task<StoredExplanation?> IExplanations.FindAsync(Digest id, CancellationToken cancellationToken) =>
        Task.FromResult(_explanations.GetValueOrDefault(id)?.Explanation);

    Task<IReadOnlyList<StoredExplanation>> IExplanations.FindAsync(IReadOnlyCollection<Digest> ids, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<StoredExplanation>>([
            .. ids.Distinct().Where(_explanations.ContainsKey).Select(id => _explanations[id].Explanation),
        ]);

    public Task<IReadOnlySet<Digest>> PinAsync(IReadOnlyCollection<Digest> ids, CancellationToken cancellationToken)
    {
        var found = ids.Where(_explanations.ContainsKey).ToHashSet();
        foreach (var id in found)
            _explanations[id].Condemned = null;
        return Task.FromResult<IReadOnlySet<Digest>>(found);
    }

    public Task<PruneStep> PruneAsync(TimeSpan olderThan, TimeSpan grace, Digest? after, int limit, CancellationToken cancellationToken)
    {
        int condemned = 0,
            deleted = 0;
        var page = _explanations.Where(pair => after is null || pair.Key.CompareTo(after.Value) > 0).Take(limit).ToList();
        foreach (var (id, entry) in page)
        {
            if (_items.Values.Any(item => item.Explanation == id))
                entry.Condemned = null;
            else if (entry.Condemned is null && entry.Created < Now - olderThan)
            {
                entry.Condemned = Now;
                condemned++;
            }
            else if (entry.Condemned < Now - grace)
            {
                _explanations.Remove(id);
                deleted++;
            }
        }
        return Task.FromResult(new PruneStep(page.Count < limit ? null : page[^1].Key, condemned, deleted));
    }

    Task<Item?> IItems.FindAsync(Guid job, int number, CancellationToken cancellationToken) =>
        Task.FromResult(_items.GetValueOrDefault((job, number)));

    /// <summary>Returns a page whose cursor is the number of items before the next page.</summary>
    public Task<ItemPage> PageAsync(ItemQuery query, CancellationToken cancellationToken)
    {
        var index = ItemIndex.For(query);
        var found = _items.Values.Where(item =>
            (query.Job is null || item.Job == query.Job)
            && (query.Status is null || item.Status == query.Status)
            && (query.Model is null || item.Model == query.Model)
            && (query.Predicted is null || item.Predicted == query.Predicted)
            && (query.Label is null || item.Label == query.Label)
            && (query.LabelClass is null || item.LabelClass == query.LabelClass)
            && (query.Correct is null || item.Correct == query.Correct)
            && (query.Explanation is null || item.Explanation == query.Explanation)
            && (index.Sort != ItemSort.Probability || item.Probability is not null)
            && (index.Sort != ItemSort.LabelProbability || item.LabelProbability is not null)
        );
        var sorted = found
            .OrderBy(item =>
                index.Sort switch
                {
                    ItemSort.Probability => item.Probability!.Value,
                    ItemSort.LabelProbability => item.LabelProbability!.Value,
                    ItemSort.Time => (double)item.Time.Ticks,
                    _ => 0.0,
                }
            )
            .ThenBy(item => item.Job)
            .ThenBy(item => item.Number)
            .ToList();
        if (query.Descending)
            sorted.Reverse();
        var skip = query.Cursor is null ? 0 : int.Parse(query.Cursor);
        return Task.FromResult(
            new ItemPage([.. sorted.Skip(skip).Take(query.Limit)], sorted.Count > skip + query.Limit ? $"{skip + query.Limit}" : null)
        );
    }

    private readonly HashSet<(Guid, int)> _unread = [];

    public Task<IReadOnlyDictionary<SourceStamp, Digest>> KnownAsync(
        IReadOnlyCollection<SourceStamp> sources,
        CancellationToken cancellationToken
    ) =>
        Task.FromResult<IReadOnlyDictionary<SourceStamp, Digest>>(
            _items
                .Values.Where(item =>
                    SourceStamp.Of(item) is { } source && sources.Contains(source) && !_unread.Contains((item.Job, item.Number))
                )
                .GroupBy(item => SourceStamp.Of(item)!.Value)
                .ToDictionary(same => same.Key, same => same.First().Sha256!.Value)
        );

    public Task<JobProgress> RecountAsync(Guid job, CancellationToken cancellationToken) =>
        Task.FromResult(
            JobProgress.Of(_items.Values.Where(item => item.Job == job)) with
            {
                ChunksDone = _chunks.Values.Count(chunk => chunk.Owner == job && chunk.State == ChunkState.Done),
            }
        );

    public Task<int> DeleteForgottenAsync(IReadOnlyCollection<Guid> owners, TimeSpan age, CancellationToken cancellationToken)
    {
        var forgotten = _items
            .Values.Where(item => owners.Contains(item.Job) && item.Time < Now - age)
            .Where(item => !_jobs.ContainsKey(item.Job) && !_chunks.Keys.Any(key => key.Owner == item.Job))
            .Select(item => (item.Job, item.Number))
            .ToList();
        foreach (var key in forgotten)
        {
            _items.Remove(key);
            _unread.Remove(key);
        }
        foreach (var owner in owners)
            if (!_jobs.ContainsKey(owner) && !_chunks.Keys.Any(key => key.Owner == owner) && !_items.Keys.Any(key => key.Job == owner))
                _claims.Remove(owner);
        return Task.FromResult(forgotten.Count);
    }

    Task<IReadOnlyList<ChunkRows>> IRows.PageAsync(Guid job, int from, int limit, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<ChunkRows>>([
            .. _rows
                .Where(pair => pair.Key.Job == job && pair.Key.Chunk >= from)
                .Select(pair => pair.Value)
                .OrderBy(rows => rows.Chunk)
                .Take(limit),
        ]);

    private sealed class StoredEntry(StoredExplanation explanation, DateTimeOffset created)
    {
        public StoredExplanation Explanation => explanation;

        public DateTimeOffset Created => created;

        public DateTimeOffset? Condemned { get; set; }
    }

    private sealed class ModelJob(Job job)
    {
        public Job Job { get; set; } = job;

        public bool PendingNotification { get; set; }

        public bool FailureRateChecked { get; set; }

        public string? Notifier { get; set; }

        public DateTimeOffset NotifierUntil { get; set; }

        public string? Planner { get; set; }

        public DateTimeOffset PlannerUntil { get; set; }

        public AuditLease? Auditor { get; set; }

        public DateTimeOffset AuditorUntil { get; set; }

        public int AuditAttempts { get; set; }

        public int AuditCrashes { get; set; }

        public List<StoredFinding> Findings { get; } = [];

        public byte[]? Report { get; set; }
    }
}
