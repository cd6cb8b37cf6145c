using AgCam.Pipeline.Records;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Counts a job's chunks without transactions. A chunk goes Leased, Saved, Done. Between the last two, one write adds its numbers to
/// its page of the ledger, and is refused when the page already has the chunk. A repeated step therefore counts each chunk once. Counted
/// chunks are marked as done and lose their references several at a time, since nothing waits for it.
/// </summary>
internal sealed class MongoLedger(MongoDatabase database, TimeProvider clock)
{
    public const int ChunksPerPage = 512;

    private const int CountedAtMost = 16;

    private static readonly FilterDefinitionBuilder<MongoLedgerPage> Page = Builders<MongoLedgerPage>.Filter;
    private static readonly FilterDefinitionBuilder<MongoChunk> Chunk = Builders<MongoChunk>.Filter;

    /// <summary>What this process has counted and not marked yet. Should it die, <see cref="RepairAsync"/> does it.</summary>
    private readonly List<MongoChunk> _counted = [];

    /// <summary>Before chunks are written, so that counting never has to create a page.</summary>
    public async Task OpenPagesAsync(Guid job, long generation, int firstChunk, int lastChunk, CancellationToken cancellationToken)
    {
        for (var page = firstChunk / ChunksPerPage; page <= lastChunk / ChunksPerPage; page++)
            await MongoDatabase.InsertNewAsync(
                database.Ledger,
                new MongoLedgerPage
                {
                    Id = new MongoKey { Job = job, N = page },
                    Generation = generation,
                    Counted = [],
                },
                cancellationToken
            );
    }

    /// <summary>Chunks of one page are counted in one write.</summary>
    /// <param name="saved">With their sums.</param>
    /// <returns>The jobs that this call completed.</returns>
    public async Task<IReadOnlySet<Guid>> CountAsync(IReadOnlyCollection<MongoChunk> saved, CancellationToken cancellationToken)
    {
        var completed = new HashSet<Guid>();
        foreach (var page in saved.GroupBy(chunk => (Key: PageOf(chunk), chunk.Generation)))
            if (await CountAsync(page.Key.Key, page.Key.Generation, [.. page], cancellationToken))
                completed.Add(page.Key.Key.Job);
        try
        {
            await EndAsync(TakeCounted(saved, atOnce: completed.Count > 0), cancellationToken);
        }
        catch (Exception e) when (MongoTrouble.IsPassing(e))
        {
            // They are counted, which is what the caller asked for; the rest is repaired.
        }
        return completed;
    }

    private async Task<bool> CountAsync(MongoKey key, long generation, IReadOnlyList<MongoChunk> saved, CancellationToken cancellationToken)
    {
        var (numbers, sum) = (
            saved.Select(chunk => chunk.Id.N).ToArray(),
            saved.Aggregate(new JobProgress(), (sum, chunk) => sum + chunk.Sum!)
        );
        var page = await database.Ledger.FindOneAndUpdateAsync(
            Page.Eq(page => page.Id, key) & Page.Eq(page => page.Generation, generation) & Page.Nin("counted", numbers),
            Builders<MongoLedgerPage>
                .Update.PushEach("counted", numbers)
                .Inc(page => page.ChunksDone, numbers.Length)
                .Inc(page => page.Completed, sum.Completed)
                .Inc(page => page.Failed, sum.Failed)
                .Inc(page => page.Correct, sum.Correct)
                .Inc(page => page.Labelled, sum.Labelled),
            new FindOneAndUpdateOptions<MongoLedgerPage>
            {
                ReturnDocument = ReturnDocument.After,
                Projection = Builders<MongoLedgerPage>.Projection.Exclude(page => page.Counted),
            },
            cancellationToken
        );
        if (page is null && saved.Count > 1) // one of them is counted already, or the job is gone
        {
            var completed = false;
            foreach (var chunk in saved)
                completed |= await CountAsync(key, generation, [chunk], cancellationToken);
            return completed;
        }
        // Only a page that has just become full can complete the job: the sum over the pages is read once per 512 chunks.
        return page is not null && page.ChunksDone == (page.Of ?? ChunksPerPage) && await TryCompleteAsync(key.Job, cancellationToken);
    }

    private static MongoKey PageOf(MongoChunk chunk) => new() { Job = chunk.Id.Job, N = chunk.Id.N / ChunksPerPage };

    private List<MongoChunk> TakeCounted(IReadOnlyCollection<MongoChunk> counted, bool atOnce)
    {
        lock (_counted)
        {
            _counted.AddRange(counted);
            if (!atOnce && _counted.Count < CountedAtMost)
                return [];
            var taken = _counted.ToList();
            _counted.Clear();
            return taken;
        }
    }

    /// <summary>From Saved to Done.</summary>
    private async Task EndAsync(IReadOnlyList<MongoChunk> counted, CancellationToken cancellationToken)
    {
        if (counted.Count == 0)
            return;
        // References first: a crash in between leaves the chunks saved, and who repairs them deletes again.
        await database.References.DeleteManyAsync(MongoChunks.ReferencesOf(counted), cancellationToken);
        foreach (var alike in counted.GroupBy(chunk => chunk.Generation))
            await database.Chunks.UpdateManyAsync(
                Chunk.In(chunk => chunk.Id, alike.Select(chunk => chunk.Id))
                    & Chunk.Eq(chunk => chunk.Generation, alike.Key)
                    & Chunk.Eq(chunk => chunk.State, ChunkState.Saved),
                Builders<MongoChunk>.Update.Set(chunk => chunk.State, ChunkState.Done).Unset(chunk => chunk.Plan),
                null,
                cancellationToken
            );
    }

    /// <summary>
    /// The job is planned: how many chunks its last page has. Should the planner die before this, the sweeper completes the job.
    /// </summary>
    public async Task ClosePagesAsync(Guid job, int chunks, CancellationToken cancellationToken)
    {
        var last = new MongoKey { Job = job, N = (chunks - 1) / ChunksPerPage };
        await database.Ledger.UpdateOneAsync(
            Page.Eq(page => page.Id, last),
            Builders<MongoLedgerPage>.Update.Set(page => page.Of, chunks - last.N * ChunksPerPage),
            null,
            cancellationToken
        );
    }

    /// <summary>The compare-and-set that ends a job: of all who ask, one is told yes.</summary>
    public async Task<bool> TryCompleteAsync(Guid job, CancellationToken cancellationToken)
    {
        var found = await database.Jobs.Find(item => item.Id == job).FirstOrDefaultAsync(cancellationToken);
        if (
            found is not { Chunks: { } chunks, State: JobState.Running or JobState.Paused }
            || (await ProgressAsync([job], cancellationToken))[job].ChunksDone != chunks
        )
            return false;
        var end = Builders<MongoJob>
            .Update.Set(item => item.State, JobState.Completed)
            .Set(item => item.Finished, clock.Now())
            .Unset(item => item.Reason);
        var completed = await database.Jobs.UpdateOneAsync(
            Builders<MongoJob>.Filter.Eq(item => item.Id, job)
                & Builders<MongoJob>.Filter.In(item => item.State, [JobState.Running, JobState.Paused]),
            found.Notified == true ? end : end.Set(item => item.PendingNotification, true),
            null,
            cancellationToken
        );
        return completed.ModifiedCount > 0;
    }

    /// <summary>The numbers of each job: sums over its pages.</summary>
    public async Task<Dictionary<Guid, JobProgress>> ProgressAsync(IReadOnlyCollection<Guid> jobs, CancellationToken cancellationToken)
    {
        var progress = jobs.Distinct().ToDictionary(job => job, _ => new JobProgress());
        if (progress.Count == 0)
            return progress;
        var pages = await database
            .Ledger.Find(Page.In(page => page.Id.Job, progress.Keys.ToArray()))
            .Project<MongoLedgerPage>(Builders<MongoLedgerPage>.Projection.Exclude(page => page.Counted))
            .ToListAsync(cancellationToken);
        foreach (var page in pages)
            progress[page.Id.Job] += page.Progress;
        return progress;
    }

    /// <summary>Counts the chunks that a crash left saved and uncounted, and ends those that were counted.</summary>
    /// <returns>How many were uncounted.</returns>
    public async Task<int> RepairAsync(CancellationToken cancellationToken)
    {
        var saved = await database.Chunks.Find(chunk => chunk.State == ChunkState.Saved).ToListAsync(cancellationToken);
        var pages = await database.Ledger.Find(Page.In(page => page.Id, saved.Select(PageOf).Distinct())).ToListAsync(cancellationToken);
        var counted = pages.SelectMany(page => page.Counted!.Select(number => (page.Id.Job, number))).ToHashSet();
        var isCounted = saved.ToLookup(chunk => counted.Contains((chunk.Id.Job, chunk.Id.N)));
        await EndAsync([.. isCounted[true]], cancellationToken);
        await CountAsync([.. isCounted[false]], cancellationToken);
        return isCounted[false].Count();
    }

    /// <summary>Completes the jobs that a crash left with all chunks done.</summary>
    public async Task<int> CompleteDoneAsync(CancellationToken cancellationToken)
    {
        var open = await database
            .Jobs.Find(job => (job.State == JobState.Running || job.State == JobState.Paused) && job.Chunks != null)
            .Project(job => job.Id)
            .ToListAsync(cancellationToken);
        var completed = 0;
        foreach (var job in open)
            completed += await TryCompleteAsync(job, cancellationToken) ? 1 : 0;
        return completed;
    }
}
