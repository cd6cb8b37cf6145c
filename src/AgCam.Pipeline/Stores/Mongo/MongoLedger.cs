using AgCam.Pipeline.Records;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Counts the chunks of jobs without transactions. Between the states Saved and Done, one write adds the chunk's counts to its page of
/// the ledger, unless the page has the chunk already. So each chunk is counted once, however often the write is repeated. Counted chunks
/// become Done several at a time, because nothing waits for that.
/// </summary>
internal sealed class MongoLedger(MongoDatabase database, TimeProvider clock)
{
    public const int ChunksPerPage = 512;

    /// <summary>Number of counted chunks that become Done in one call.</summary>
    private const int ChunksPerEnd = 16;

    private static readonly FilterDefinitionBuilder<MongoLedgerPage> Page = Builders<MongoLedgerPage>.Filter;
    private static readonly FilterDefinitionBuilder<MongoChunk> Chunk = Builders<MongoChunk>.Filter;

    /// <summary>Counted chunks that are still Saved. If the process dies, <see cref="RepairAsync"/> ends them.</summary>
    private readonly List<MongoChunk> _counted = [];

    /// <summary>Creates the pages of chunks, before the chunks: counting only updates pages.</summary>
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

    /// <summary>Counts saved chunks, those of one page in one write.</summary>
    /// <param name="saved">Chunks with their sums.</param>
    /// <returns>The jobs that this call completed.</returns>
    public async Task<IReadOnlySet<Guid>> CountAsync(IReadOnlyCollection<MongoChunk> saved, CancellationToken cancellationToken)
    {
        var completed = new HashSet<Guid>();
        foreach (var page in saved.GroupBy(chunk => (Key: PageOf(chunk), chunk.Generation)))
            if (await CountAsync(page.Key.Key, page.Key.Generation, [.. page], cancellationToken))
                completed.Add(page.Key.Key.Job);
        try
        {
            await EndAsync(TakeCounted(saved, takeAll: completed.Count > 0), cancellationToken);
        }
        catch (Exception e) when (MongoErrors.IsTransient(e))
        {
            // The chunks are counted. RepairAsync ends them.
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
        if (page is null && saved.Count > 1) // one of them is counted already, or the job was deleted
        {
            var completed = false;
            foreach (var chunk in saved)
                completed |= await CountAsync(key, generation, [chunk], cancellationToken);
            return completed;
        }
        // Only a page that has just become full can complete the job, so the sum over all pages is read once per 512 chunks.
        return page is not null && page.ChunksDone == (page.Of ?? ChunksPerPage) && await TryCompleteAsync(key.Job, cancellationToken);
    }

    private static MongoKey PageOf(MongoChunk chunk) => new() { Job = chunk.Id.Job, N = chunk.Id.N / ChunksPerPage };

    private List<MongoChunk> TakeCounted(IReadOnlyCollection<MongoChunk> counted, bool takeAll)
    {
        lock (_counted)
        {
            _counted.AddRange(counted);
            if (!takeAll && _counted.Count < ChunksPerEnd)
                return [];
            var taken = _counted.ToList();
            _counted.Clear();
            return taken;
        }
    }

    /// <summary>Deletes the references of counted chunks, and makes the chunks Done.</summary>
    private async Task EndAsync(IReadOnlyList<MongoChunk> counted, CancellationToken cancellationToken)
    {
        if (counted.Count == 0)
            return;
        // References first: a crash in between leaves the chunks Saved, and a repair deletes again.
        await database.References.DeleteManyAsync(MongoReferences.Of(counted), cancellationToken);
        foreach (var sameGeneration in counted.GroupBy(chunk => chunk.Generation))
            await database.Chunks.UpdateManyAsync(
                Chunk.In(chunk => chunk.Id, sameGeneration.Select(chunk => chunk.Id))
                    & Chunk.Eq(chunk => chunk.Generation, sameGeneration.Key)
                    & Chunk.Eq(chunk => chunk.State, ChunkState.Saved),
                Builders<MongoChunk>.Update.Set(chunk => chunk.State, ChunkState.Done).Unset(chunk => chunk.Plan),
                null,
                cancellationToken
            );
    }

    /// <summary>
    /// Stores how many chunks the last page of a planned job has. If the planner dies before that, a repair completes the job.
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

    /// <summary>Completes a job whose chunks are all counted and whose audit is finished, by compare-and-set.</summary>
    /// <returns>Whether this call completed it. Exactly one call does.</returns>
    public async Task<bool> TryCompleteAsync(Guid job, CancellationToken cancellationToken)
    {
        var found = await database.Jobs.Find(item => item.Id == job).FirstOrDefaultAsync(cancellationToken);
        if (
            found is not { Chunks: { } chunks, State: JobState.Running or JobState.Paused, AuditPending: not true }
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

    /// <summary>Returns the progress of each job, summed over its pages.</summary>
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

    /// <summary>Counts the chunks that a crash left uncounted, and ends those that it left counted but Saved.</summary>
    /// <returns>The number of chunks that were uncounted.</returns>
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

    /// <summary>Completes the jobs that a crash left open with all chunks done.</summary>
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
