using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Stores the results of chunks in the order of the contract: explanations, rows, items, the end of the chunk, the job's counts. Each
/// step can be repeated after a crash: inserted documents are found by their keys, and a repair counts chunks that are Saved.
/// </summary>
internal sealed class MongoSave(MongoDatabase database, MongoDeletion deletion, MongoLedger ledger, TimeProvider clock)
{
    public async Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancellationToken)
    {
        var rows = await FindAsync(chunks.Select(result => result.Lease), cancellationToken);
        var open = new List<Open>();
        foreach (var result in chunks)
            if (Outcome(rows.GetValueOrDefault((result.Lease.Owner, result.Lease.Number)), result.Lease) is SaveOutcome.Saved)
                open.Add(new Open(result, rows[(result.Lease.Owner, result.Lease.Number)]));
        await CheckHeldAsync(open, cancellationToken);

        await InsertExplanationsAsync(open, cancellationToken);
        foreach (var item in open)
            if (item.Result.Rows is { } measured)
                item.NewRows = await MongoChunkRows.InsertAsync(database, item.Result.Lease.Owner, measured, cancellationToken);
        await InsertItemsAsync(open, cancellationToken);
        var ended = await Task.WhenAll(open.Select(item => EndAsync(item, cancellationToken)));
        var saved = open.Zip(ended).Where(pair => pair.Second.Outcome == SaveOutcome.Saved && pair.First.Chunk.Direct is null).ToList();
        var completed = await ledger.CountAsync(
            [.. saved.Select(pair => pair.First.Chunk with { Sum = pair.Second.Progress })],
            cancellationToken
        );
        var last = saved
            .GroupBy(pair => pair.First.Chunk.Id.Job)
            .Where(job => completed.Contains(job.Key))
            .Select(job => job.Last().First)
            .ToHashSet(ReferenceEqualityComparer.Instance);

        var answers = new Dictionary<ChunkResult, SaveAnswer>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < open.Count; i++)
            answers[open[i].Result] = ended[i] with { JobCompleted = last.Contains(open[i]) };
        return
        [
            .. chunks.Select(result =>
                answers.TryGetValue(result, out var answer)
                    ? answer
                    : NotSaved(rows.GetValueOrDefault((result.Lease.Owner, result.Lease.Number)), result.Lease)
            ),
        ];
    }

    /// <summary>Returns the outcome of a save: Saved while the lease holds.</summary>
    private static SaveOutcome Outcome(MongoChunk? chunk, ChunkLease lease) =>
        chunk switch
        {
            null => SaveOutcome.Gone,
            { State: ChunkState.Saved or ChunkState.Done } => SaveOutcome.AlreadyDone,
            _ => MongoChunkUpdates.IsHeld(chunk, lease) ? SaveOutcome.Saved : SaveOutcome.LeaseLost,
        };

    /// <summary>Returns the answer of a call that stored nothing, with the counts of a chunk that another attempt saved.</summary>
    private static SaveAnswer NotSaved(MongoChunk? chunk, ChunkLease lease) =>
        new(Outcome(chunk, lease), 0, 0, chunk?.Sum ?? new JobProgress(), false);

    private async Task<Dictionary<(Guid, int), MongoChunk>> FindAsync(IEnumerable<ChunkLease> leases, CancellationToken cancellationToken)
    {
        var keys = new BsonArray(leases.Select(lease => MongoKeys.Of(lease.Owner, lease.Number)));
        var found = await database.Chunks.Find(new BsonDocument("_id", new BsonDocument("$in", keys))).ToListAsync(cancellationToken);
        return found.ToDictionary(chunk => (chunk.Id.Job, chunk.Id.N));
    }

    private async Task CheckHeldAsync(List<Open> open, CancellationToken cancellationToken)
    {
        var held = open.SelectMany(item =>
                ChunkRules.CheckAndFindHeld(item.Result, item.Chunk.ToChunk(), item.Chunk.Numbers()).Select(id => (item.Chunk, Id: id))
            )
            .ToList();
        if (held.Count == 0)
            return;
        var found = await database
            .Explanations.Find(MongoExplanations.OneOf(held.Select(item => item.Id)))
            .Project(new BsonDocument("_id", 1))
            .ToListAsync(cancellationToken);
        var stored = found.Select(item => new Digest(item["_id"].AsByteArray)).ToHashSet();
        foreach (var (chunk, id) in held)
            if (!stored.Contains(id))
                throw ChunkRules.Missing(chunk.ToChunk(), id);
    }

    /// <summary>Inserts explanations sorted by id, so that overlapping bulks take their locks in the same order.</summary>
    private async Task InsertExplanationsAsync(List<Open> open, CancellationToken cancellationToken)
    {
        var now = clock.Now();
        var given = open.SelectMany(item => item.Result.Explanations.Select(explanation => (Open: item, explanation)))
            .DistinctBy(pair => pair.explanation.Id)
            .OrderBy(pair => pair.explanation.Id)
            .ToList();
        var isNew = await MongoDatabase.InsertNewAsync(
            database.Explanations,
            [.. given.Select(pair => MongoRaw.From(pair.explanation, now))],
            cancellationToken
        );
        for (var i = 0; i < given.Count; i++)
            given[i].Open.NewExplanations += isNew[i] ? 1 : 0;
    }

    private async Task InsertItemsAsync(List<Open> open, CancellationToken cancellationToken)
    {
        var given = open.SelectMany(chunk => chunk.Result.Items.Select(item => (Open: chunk, item))).ToList();
        var isNew = await MongoDatabase.InsertNewAsync(
            database.Items,
            [.. given.Select(pair => MongoRaw.From(pair.item, !pair.Open.Result.Unread.Contains(pair.item.Number)))],
            cancellationToken
        );
        for (var i = 0; i < given.Count; i++)
            if (isNew[i])
                given[i].Open.NewItems.Add(given[i].item.Number);
    }

    private async Task<SaveAnswer> EndAsync(Open item, CancellationToken cancellationToken)
    {
        var (result, chunk) = (item.Result, item.Chunk);
        var sum = item.NewItems.Count == result.Items.Count ? JobProgress.Of(result.Items) : await RecountAsync(result, cancellationToken);
        var end = Builders<MongoChunk>
            .Update.Set(row => row.State, chunk.Direct is null ? ChunkState.Saved : ChunkState.Done)
            .Set(row => row.Done, clock.Now())
            .Set(row => row.Sum, sum)
            .Unset(row => row.Request)
            .Unset(row => row.Until);
        if ((await database.Chunks.UpdateOneAsync(MongoChunkUpdates.Held(result.Lease), end, null, cancellationToken)).ModifiedCount == 0)
            return await LostAsync(item, cancellationToken);
        if (chunk.HasIsolated is not null)
            await database.Isolated.DeleteManyAsync(MongoIsolated.In(chunk.Id.Job, chunk.Id.N), cancellationToken);
        return new SaveAnswer(SaveOutcome.Saved, item.NewExplanations, item.NewItems.Count, sum, false);
    }

    /// <summary>
    /// Handles a lease that was lost after the check. The items stay, because they are correct, unless the job was deleted or recreated
    /// meanwhile.
    /// </summary>
    private async Task<SaveAnswer> LostAsync(Open item, CancellationToken cancellationToken)
    {
        var lease = item.Result.Lease;
        var chunk = (await FindAsync([lease], cancellationToken)).GetValueOrDefault((lease.Owner, lease.Number));
        var gone = chunk is null || chunk.Generation != lease.Generation;
        if (gone && item.NewItems.Count > 0)
            await deletion.DeleteItemsAsync(lease.Owner, item.NewItems, cancellationToken);
        if (gone && item.NewRows)
            await deletion.DeleteRowsAsync(lease.Owner, lease.Number, cancellationToken);
        return NotSaved(chunk, lease);
    }

    /// <summary>Counts the stored items. Some of them were stored before, and the first record of an image stays.</summary>
    private async Task<JobProgress> RecountAsync(ChunkResult result, CancellationToken cancellationToken)
    {
        var keys = new BsonArray(result.Items.Select(item => MongoKeys.Of(item.Job, item.Number)));
        var rows = await database
            .Items.Find(new BsonDocument("_id", new BsonDocument("$in", keys)))
            .Project(
                new BsonDocument
                {
                    { "status", 1 },
                    { "correct", 1 },
                    { "_id", 0 },
                }
            )
            .ToListAsync(cancellationToken);
        return rows.Aggregate(new JobProgress { ChunksDone = 1 }, (sum, row) => sum + MongoItems.Count(row));
    }

    /// <summary>Chunk whose lease held at the check.</summary>
    private sealed record Open(ChunkResult Result, MongoChunk Chunk)
    {
        public int NewExplanations { get; set; }

        public List<int> NewItems { get; } = [];

        public bool NewRows { get; set; }
    }
}
