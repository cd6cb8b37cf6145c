using AgCam.Pipeline.Records;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>
/// Storing what chunks gave, in the contract's order: explanations, items, the end of the chunk, the job's numbers. A crash after any of these leaves nothing wrong: what was
/// inserted is found again by its key, and a chunk that is saved but not counted is counted by the sweeper.
/// </summary>
internal sealed class MongoSave(MongoDatabase database, MongoDeletion deletion, MongoLedger ledger, TimeProvider clock)
{
    private static readonly FilterDefinitionBuilder<MongoChunk> Where = Builders<MongoChunk>.Filter;

    public async Task<IReadOnlyList<SaveAnswer>> SaveAsync(IReadOnlyList<ChunkResult> chunks, CancellationToken cancel)
    {
        var rows = await FindAsync(chunks.Select(result => result.Lease), cancel);
        var open = new List<Open>();
        foreach (var result in chunks)
            if (Look(rows.GetValueOrDefault((result.Lease.Owner, result.Lease.Number)), result.Lease) is SaveOutcome.Saved)
                open.Add(new Open(result, rows[(result.Lease.Owner, result.Lease.Number)]));
        await CheckHeldAsync(open, cancel);

        await InsertExplanationsAsync(open, cancel);
        foreach (var one in open)
            if (one.Result.Rows is { } measured)
                one.NewRows = await MongoChunkRows.InsertAsync(database, one.Result.Lease.Owner, measured, cancel);
        await InsertItemsAsync(open, cancel);
        var ended = await Task.WhenAll(open.Select(one => EndAsync(one, cancel)));
        var saved = open.Zip(ended).Where(pair => pair.Second.Outcome == SaveOutcome.Saved && pair.First.Chunk.Direct is null).ToList();
        var completed = await ledger.CountAsync([.. saved.Select(pair => pair.First.Chunk with { Sum = pair.Second.Progress })], cancel);
        var last = saved.GroupBy(pair => pair.First.Chunk.Id.Job).Where(job => completed.Contains(job.Key)).Select(job => job.Last().First).ToHashSet(ReferenceEqualityComparer.Instance);

        var answers = new Dictionary<ChunkResult, SaveAnswer>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < open.Count; i++)
            answers[open[i].Result] = ended[i] with { JobCompleted = last.Contains(open[i]) };
        return [.. chunks.Select(result => answers.TryGetValue(result, out var answer)
            ? answer
            : Nothing(rows.GetValueOrDefault((result.Lease.Owner, result.Lease.Number)), result.Lease))];
    }

    public static FilterDefinition<MongoChunk> Held(ChunkLease held) => Where.Eq(chunk => chunk.Id, new MongoKey { Job = held.Owner, N = held.Number })
        & Where.Eq(chunk => chunk.State, ChunkState.Leased) & Where.Eq(chunk => chunk.Attempts, held.Attempt)
        & Where.Eq(chunk => chunk.Life, held.Life);

    /// <returns>Saved when the lease holds.</returns>
    private static SaveOutcome Look(MongoChunk? chunk, ChunkLease lease) => chunk switch
    {
        null => SaveOutcome.Gone,
        { State: ChunkState.Saved or ChunkState.Done } => SaveOutcome.AlreadyDone,
        { State: ChunkState.Leased } when chunk.Attempts == lease.Attempt && chunk.Life == lease.Life => SaveOutcome.Saved,
        _ => SaveOutcome.LeaseLost,
    };

    /// <summary>This call stored nothing; of a chunk that is done already, its numbers are known all the same.</summary>
    private static SaveAnswer Nothing(MongoChunk? chunk, ChunkLease lease) => new(Look(chunk, lease), 0, 0, chunk?.Sum ?? new JobProgress(), false);

    private async Task<Dictionary<(Guid, int), MongoChunk>> FindAsync(IEnumerable<ChunkLease> leases, CancellationToken cancel)
    {
        var keys = new BsonArray(leases.Select(lease => MongoRaw.Key(lease.Owner, lease.Number)));
        var found = await database.Chunks.Find(new BsonDocument("_id", new BsonDocument("$in", keys))).ToListAsync(cancel);
        return found.ToDictionary(chunk => (chunk.Id.Job, chunk.Id.N));
    }

    private async Task CheckHeldAsync(List<Open> open, CancellationToken cancel)
    {
        var held = open.SelectMany(one => ChunkRules.CheckAndFindHeld(one.Result, one.Chunk.ToChunk(), one.Chunk.Numbers()).Select(id => (one.Chunk, Id: id))).ToList();
        if (held.Count == 0)
            return;
        var found = await database.Explanations.Find(MongoExplanations.OneOf(held.Select(one => one.Id))).Project(new BsonDocument("_id", 1)).ToListAsync(cancel);
        var there = found.Select(one => new Digest(one["_id"].AsByteArray)).ToHashSet();
        foreach (var (chunk, id) in held)
            if (!there.Contains(id))
                throw ChunkRules.Missing(chunk.ToChunk(), id);
    }

    /// <summary>In the order of their ids: bulks that overlap then take their locks in the same order.</summary>
    private async Task InsertExplanationsAsync(List<Open> open, CancellationToken cancel)
    {
        var now = clock.Now();
        var given = open.SelectMany(one => one.Result.Explanations.Select(explanation => (Open: one, explanation))).DistinctBy(pair => pair.explanation.Id).OrderBy(pair => pair.explanation.Id).ToList();
        var isNew = await MongoDatabase.InsertNewAsync(database.Explanations, [.. given.Select(pair => MongoRaw.From(pair.explanation, now))], cancel);
        for (var i = 0; i < given.Count; i++)
            given[i].Open.NewExplanations += isNew[i] ? 1 : 0;
    }

    private async Task InsertItemsAsync(List<Open> open, CancellationToken cancel)
    {
        var given = open.SelectMany(one => one.Result.Items.Select(item => (Open: one, item))).ToList();
        var isNew = await MongoDatabase.InsertNewAsync(database.Items, [.. given.Select(pair => MongoRaw.From(pair.item, !pair.Open.Result.Unread.Contains(pair.item.Number)))], cancel);
        for (var i = 0; i < given.Count; i++)
            if (isNew[i])
                given[i].Open.NewItems.Add(given[i].item.Number);
    }

    private async Task<SaveAnswer> EndAsync(Open one, CancellationToken cancel)
    {
        var (result, chunk) = (one.Result, one.Chunk);
        var sum = one.NewItems.Count == result.Items.Count ? JobProgress.Of(result.Items) : await RecountAsync(result, cancel);
        var end = Builders<MongoChunk>.Update.Set(row => row.State, chunk.Direct is null ? ChunkState.Saved : ChunkState.Done).Set(row => row.Done, clock.Now()).Set(row => row.Sum, sum)
            .Unset(row => row.Request).Unset(row => row.Until);
        if ((await database.Chunks.UpdateOneAsync(Held(result.Lease), end, null, cancel)).ModifiedCount == 0)
            return await LostAsync(one, cancel);
        if (chunk.HasAlone is not null)
            await database.Alone.DeleteManyAsync(MongoDeletion.Alone(chunk.Id.Job, chunk.Id.N), cancel);
        return new SaveAnswer(SaveOutcome.Saved, one.NewExplanations, one.NewItems.Count, sum, false);
    }

    /// <summary>The lease was lost between looking and ending. The items stay, being right, unless the job is gone, or another by now.</summary>
    private async Task<SaveAnswer> LostAsync(Open one, CancellationToken cancel)
    {
        var lease = one.Result.Lease;
        var chunk = (await FindAsync([lease], cancel)).GetValueOrDefault((lease.Owner, lease.Number));
        var gone = chunk is null || chunk.Life != lease.Life;
        if (gone && one.NewItems.Count > 0)
            await deletion.DeleteItemsAsync(lease.Owner, one.NewItems, cancel);
        if (gone && one.NewRows)
            await deletion.DeleteRowsAsync(lease.Owner, lease.Number, cancel);
        return Nothing(chunk, lease);
    }

    /// <summary>Some items were there before, and theirs is the word that counts.</summary>
    private async Task<JobProgress> RecountAsync(ChunkResult result, CancellationToken cancel)
    {
        var keys = new BsonArray(result.Items.Select(item => MongoRaw.Key(item.Job, item.Number)));
        var rows = await database.Items.Find(new BsonDocument("_id", new BsonDocument("$in", keys)))
            .Project(new BsonDocument { { "status", 1 }, { "correct", 1 }, { "_id", 0 } }).ToListAsync(cancel);
        return rows.Aggregate(new JobProgress { ChunksDone = 1 }, (sum, row) => sum + MongoItems.Count(row));
    }

    /// <summary>A chunk whose lease held when it was looked at.</summary>
    private sealed record Open(ChunkResult Result, MongoChunk Chunk)
    {
        public int NewExplanations { get; set; }

        public List<int> NewItems { get; } = [];

        public bool NewRows { get; set; }
    }
}
