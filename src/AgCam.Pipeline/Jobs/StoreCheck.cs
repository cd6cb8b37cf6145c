using System.Runtime.CompilerServices;
using AgCam.Pipeline.Jobs.Sources;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.References;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using AgCam.Pipeline.Stores.Sqlite;

namespace AgCam.Pipeline.Jobs;

/// <summary>
/// Compares every job's totals, chunks, items and explanations, and every finished request's items, in bounded memory.
/// Repairs by planning missing chunks again. Retention and deletion remove whole jobs, which is no difference.
/// </summary>
public sealed class StoreCheck
{
    private const int PlansPerPage = 256;

    private readonly IStore _store;
    private readonly IStoreRecords _records;
    private readonly ReferenceReader _references;
    private readonly bool _repair;
    private readonly Action<string> _report;
    private StoreCheckResult _result = new(0, 0, 0, 0);

    internal StoreCheck(IStore store, ReferenceReader references, bool repair, Action<string> report)
    {
        (_store, _references, _repair, _report) = (store, references, repair, report);
        _records = store switch
        {
            SqliteStore sqlite => sqlite.Records,
            MongoStore mongo => mongo.Records,
            _ => throw new ArgumentException($"A {store.Kind} store cannot be checked.", nameof(store)),
        };
    }

    /// <param name="options">Options that name the store and, for a repair, what its jobs' sources need.</param>
    /// <param name="repair">Whether to repair what is found.</param>
    /// <param name="report">Receives one line for each difference.</param>
    /// <exception cref="StoreSchemaException">The store is empty or of another version.</exception>
    public static async Task<StoreCheckResult> RunAsync(
        PipelineOptions options,
        bool repair,
        Action<string> report,
        CancellationToken cancellationToken = default
    )
    {
        await using var store = PipelineRegistration.OpenStore(options);
        var found = await store.SchemaVersionAsync(cancellationToken);
        StoreSchema.ThrowIfNewer($"The {store.Kind} store", found);
        StoreSchema.ThrowIfOlder($"The {store.Kind} store", found);
        using var references = new ReferenceReader(options.References, store.Uploads);
        return await new StoreCheck(store, references, repair, report).RunAsync(cancellationToken);
    }

    internal async Task<StoreCheckResult> RunAsync(CancellationToken cancellationToken)
    {
        // Every start does this: it counts saved chunks and finishes interrupted deletions.
        await _store.RepairAsync(cancellationToken);
        await foreach (var job in JobsAsync(cancellationToken))
        {
            _result = _result with { Jobs = _result.Jobs + 1 };
            await using var lost = new LostReferences(job, _references, _store);
            await new JobCheck(this, job, lost).RunAsync(cancellationToken);
        }
        await foreach (var owner in _records.OrphansAsync(cancellationToken))
            await DeleteAsync(owner, $"job {owner}: its chunks are here, the job is not; submit it again", cancellationToken);
        await foreach (var request in _records.DoneRequestsAsync(cancellationToken))
        {
            _result = _result with { Requests = _result.Requests + 1 };
            if (request.Items < request.Images)
            {
                var missing = $"{request.Images - request.Items} of {request.Images} images have no record";
                await DeleteAsync(request.Owner, $"request {request.Owner}: {missing}; send it again", cancellationToken);
            }
        }
        return _result;
    }

    private async Task DeleteAsync(Guid owner, string difference, CancellationToken cancellationToken)
    {
        Report(difference);
        if (_repair && await _store.Jobs.DeleteAsync(owner, cancellationToken))
            Repaired();
    }

    private void Report(string difference)
    {
        _result = _result with { Differences = _result.Differences + 1 };
        _report(difference);
    }

    private void Repaired() => _result = _result with { Repaired = _result.Repaired + 1 };

    private async IAsyncEnumerable<Job> JobsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var page = await _store.Jobs.PageAsync(new JobQuery { Cursor = cursor }, cancellationToken);
            foreach (var job in page.Jobs)
                yield return job;
            cursor = page.Next;
        } while (cursor is not null);
    }

    /// <summary>Walks a job's chunks and items side by side.</summary>
    private sealed class JobCheck(StoreCheck check, Job job, LostReferences lost)
    {
        private int _nextChunk,
            _nextImage;
        private string? _lastUri;
        private JobProgress _sum = new();
        private bool _isDamaged,
            _isUndone;
        private Item? _ahead;

        private string Name => $"job {job.Id}";

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            var all = check._store.Items.AllAsync(new ItemQuery { Job = job.Id, Limit = ItemQuery.MaxLimit }, cancellationToken);
            await using var items = all.GetAsyncEnumerator(cancellationToken);
            await foreach (var plan in PlansAsync(cancellationToken))
            {
                if (plan.Number > _nextChunk)
                    await MissingAsync(plan.Number - _nextChunk, plan.First - _nextImage, items, cancellationToken);
                await ChunkAsync(plan, await ItemsAsync(items, plan), cancellationToken);
                Advance(plan);
            }
            if (job.Chunks > _nextChunk)
                await MissingAsync(job.Chunks.Value - _nextChunk, job.Images!.Value - _nextImage, items, cancellationToken);
            await TotalsAsync(cancellationToken);
        }

        /// <summary>Returns the chunks that are missing from the sequence of numbers.</summary>
        private async Task MissingAsync(int chunks, int images, IAsyncEnumerator<Item> items, CancellationToken cancellationToken)
        {
            if (job.State == JobState.Cancelled)
                return;
            check.Report($"{Name}: chunks {_nextChunk} to {_nextChunk + chunks - 1} with {images} images are missing");
            _isDamaged = true;
            var isRepaired = check._repair;
            // Evaluations compute whole batches; the last missing chunk has the rest.
            var unit = job.Spec.Evaluation?.Batch ?? 1;
            for (var left = chunks; left > 0; left--)
            {
                var share = Math.Max(1, (images / unit + left - 1) / left * unit);
                var count = left == 1 ? images : Math.Min(images - left + 1, share);
                var plan = new ChunkPlan(_nextChunk, _nextImage, count, null, ChunkState.Planned, false, job.Generation);
                var stored = await ItemsAsync(items, plan);
                var references = isRepaired ? await TryFindAsync(plan, stored, cancellationToken) : null;
                isRepaired = references is not null;
                if (references is not null)
                {
                    plan = plan with { LastUri = references.LastOrDefault(reference => reference.Uri != lost.Place)?.Uri ?? _lastUri };
                    await check._records.ReplanAsync(plan, job.Id, references, cancellationToken);
                    _isUndone = true;
                }
                Advance(plan);
                images -= count;
            }
            if (isRepaired)
                check.Repaired();
        }

        private async Task ChunkAsync(ChunkPlan plan, List<Item> stored, CancellationToken cancellationToken)
        {
            _isUndone |= plan.State != ChunkState.Done;
            var unexplained = plan.State == ChunkState.Done ? await UnexplainedAsync(stored, cancellationToken) : [];
            if (await ProblemAsync(plan, stored, unexplained, cancellationToken) is not { } problem)
            {
                if (plan.State == ChunkState.Done)
                    _sum += JobProgress.Of(stored);
                return;
            }
            check.Report($"{Name}, chunk {plan.Number}: {problem}");
            _isDamaged = true;
            if (!check._repair || await TryFindAsync(plan, stored, cancellationToken) is not { } references)
                return;
            await check._records.DeleteItemsAsync(job.Id, unexplained, cancellationToken);
            await check._records.ReplanAsync(plan, job.Id, references, cancellationToken);
            _isUndone = true;
            check.Repaired();
        }

        private async Task<string?> ProblemAsync(
            ChunkPlan plan,
            List<Item> stored,
            List<int> unexplained,
            CancellationToken cancellationToken
        )
        {
            if (plan.State != ChunkState.Done)
                return plan.HasReferences || job.State == JobState.Cancelled ? null : "what it is to compute is missing";
            if (stored.Count < plan.Count)
                return $"{plan.Count - stored.Count} of {plan.Count} images have no record";
            if (unexplained.Count > 0)
                return $"the explanations of {unexplained.Count} images are missing";
            if (
                job.Spec.Evaluation is not null
                && stored.Exists(item => item.Status == ItemStatus.Completed)
                && (await check._store.Rows.PageAsync(job.Id, plan.Number, 1, cancellationToken)).FirstOrDefault()?.Chunk != plan.Number
            )
                return "its measured rows are missing";
            return null;
        }

        private async Task<List<int>> UnexplainedAsync(List<Item> stored, CancellationToken cancellationToken)
        {
            var explained = stored.Where(item => item.Explanation is not null).ToList();
            var ids = explained.Select(item => item.Explanation!.Value).Distinct().ToList();
            var held = await check._store.Explanations.PinAsync(ids, cancellationToken);
            return [.. explained.Where(item => !held.Contains(item.Explanation!.Value)).Select(item => item.Number)];
        }

        private async Task<IReadOnlyList<ImageReference>?> TryFindAsync(
            ChunkPlan plan,
            List<Item> stored,
            CancellationToken cancellationToken
        )
        {
            try
            {
                return await lost.FindAsync(plan, _lastUri, stored.ToDictionary(item => item.Number), cancellationToken);
            }
            catch (SourceException e)
            {
                check._report($"{Name}, chunk {plan.Number}: cannot be planned again. {e.Message}");
                return null;
            }
        }

        private async Task TotalsAsync(CancellationToken cancellationToken)
        {
            var isOpen = job.State is JobState.Running or JobState.Paused;
            var wrong =
                _isDamaged ? null
                : _sum != job.Progress ? $"its totals say {Text(job.Progress)}, its records {Text(_sum)}"
                : job.State == JobState.Completed && _isUndone ? "it is completed, and not all of its chunks are done"
                : isOpen && job.Chunks == _nextChunk && !_isUndone ? "all of its chunks are done, and it is not completed"
                : null;
            if (wrong is not null)
                check.Report($"{Name}: {wrong}");
            if (!check._repair || (wrong is null && !_isDamaged))
                return;
            if (_isUndone)
                await check._records.ReopenAsync(job.Id, cancellationToken);
            await check._records.RecountAsync(job.Id, cancellationToken);
            if (wrong is not null)
                check.Repaired();
        }

        private static string Text(JobProgress sums) =>
            $"{sums.ChunksDone} chunks with {sums.Completed} completed and {sums.Failed} failed images";

        private void Advance(ChunkPlan plan)
        {
            _nextChunk = plan.Number + 1;
            _nextImage = plan.First + plan.Count;
            _lastUri = plan.LastUri;
        }

        private async IAsyncEnumerable<ChunkPlan> PlansAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var from = 0;
            IReadOnlyList<ChunkPlan> page;
            do
            {
                page = await check._records.PlansAsync(job.Id, from, PlansPerPage, cancellationToken);
                foreach (var plan in page)
                    yield return plan;
                from = page.Count == 0 ? from : page[^1].Number + 1;
            } while (page.Count == PlansPerPage);
        }

        /// <summary>Returns the chunk's items in order, and skips earlier items, which have no chunk.</summary>
        private async Task<List<Item>> ItemsAsync(IAsyncEnumerator<Item> items, ChunkPlan plan)
        {
            var found = new List<Item>();
            while (_ahead is not null || await items.MoveNextAsync())
            {
                var item = _ahead ?? items.Current;
                _ahead = item;
                if (item.Number >= plan.First + plan.Count)
                    break;
                _ahead = null;
                if (item.Number >= plan.First)
                    found.Add(item);
            }
            return found;
        }
    }
}

/// <summary>Result of a store check.</summary>
/// <param name="Differences">Number of differences reported.</param>
/// <param name="Repaired">Number of differences repaired.</param>
public sealed record StoreCheckResult(int Jobs, int Requests, int Differences, int Repaired)
{
    public bool IsWhole => Differences == Repaired;
}
