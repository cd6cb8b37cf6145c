using System.Diagnostics;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores.Measuring;

/// <summary>How fast a store saves chunks, beside how fast the same database takes the same documents with the same indexes and nothing else.</summary>
/// <param name="ImagesPerSecond">Through <see cref="IChunks.SaveAsync"/>: two documents an image.</param>
/// <param name="BareImagesPerSecond">The same documents inserted into scratch tables, in the same bulks, by as many callers.</param>
/// <param name="CpuMicrosecondsPerImage">Of this process, while saving.</param>
public sealed record StoreRate(string Store, int Images, double ImagesPerSecond, double BareImagesPerSecond, double CpuMicrosecondsPerImage)
{
    /// <summary>
    /// Makes a job of synthetic images, saves it, and deletes it again. Explanations stay for retention: use a store of its own.
    /// </summary>
    /// <param name="chunkSize">1 to 256.</param>
    /// <param name="chunksPerSave">How many chunks go into one call.</param>
    /// <param name="callers">How many save at the same time.</param>
    public static async Task<StoreRate> MeasureAsync(IStore store, int images, int chunkSize = 128, int chunksPerSave = 4, int callers = 2, CancellationToken cancel = default)
    {
        const int WarmUp = 4000;
        if (images > WarmUp)
            await MeasureAsync(store, WarmUp, chunkSize, chunksPerSave, callers, cancel); // code is compiled and connections are opened on someone else's time
        var bare = store as IBareStore ?? throw new ArgumentException($"The store {store.Kind} has no bare tables to compare with.", nameof(store));
        var synthetic = new SyntheticImages(Environment.TickCount);
        var job = (await store.Jobs.CreateAsync(SyntheticImages.Spec, cancel: cancel)).Job.Id;
        var results = await LeaseAllAsync(store, job, synthetic, images, chunkSize, cancel);

        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var saving = await TimeAsync(results.Chunk(chunksPerSave), callers, async few =>
        {
            if ((await store.Chunks.SaveAsync(few, cancel)).Any(answer => answer.Outcome != SaveOutcome.Saved || answer.NewItems != answer.Progress.Completed + answer.Progress.Failed))
                throw new InvalidOperationException("A chunk was not saved: the measurement is void.");
        });
        cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
        if ((await store.Jobs.FindAsync(job, cancel))!.State != JobState.Completed)
            throw new InvalidOperationException("The job is not complete although all was saved: the measurement is void.");

        double inserting;
        await using (var tables = await bare.CreateBareAsync(cancel))
            inserting = await TimeAsync(results.Chunk(chunksPerSave), callers, few => tables.InsertAsync(
                [.. few.SelectMany(result => result.Explanations)], [.. few.SelectMany(result => result.Items)], cancel));
        await store.Jobs.DeleteAsync(job, cancel);
        return new StoreRate(store.Kind, images, images / saving, images / inserting, cpu.TotalMicroseconds / images);
    }

    /// <summary>What a job has stored, inserted again into scratch tables with the same indexes and nothing else, in bulks of 512 by two callers.</summary>
    /// <returns>Images a second.</returns>
    public static async Task<double> InsertAgainAsync(IStore store, Guid job, CancellationToken cancel = default)
    {
        const int Bulk = 512, Callers = 2;
        var bare = store as IBareStore ?? throw new ArgumentException($"The store {store.Kind} has no bare tables to compare with.", nameof(store));
        var bulks = new List<(IReadOnlyList<StoredExplanation> Explanations, IReadOnlyList<Item> Items)>();
        var seen = new HashSet<Digest>();
        await foreach (var items in store.Items.AllAsync(new ItemQuery { Job = job, Limit = ItemQuery.MaxLimit }, cancel).Chunk(Bulk).WithCancellation(cancel))
            bulks.Add((await store.Explanations.FindAsync([.. items.Select(item => item.Explanation).OfType<Digest>().Where(seen.Add)], cancel), items));
        async Task<double> InsertAsync(IReadOnlyList<(IReadOnlyList<StoredExplanation> Explanations, IReadOnlyList<Item> Items)> some)
        {
            await using var tables = await bare.CreateBareAsync(cancel);
            return await TimeAsync(some, Callers, bulk => tables.InsertAsync(bulk.Explanations, bulk.Items, cancel));
        }
        await InsertAsync([.. bulks.Take(8)]); // code is compiled and connections are opened on someone else's time
        return bulks.Sum(bulk => bulk.Items.Count) / await InsertAsync(bulks);
    }

    private static async Task<List<ChunkResult>> LeaseAllAsync(IStore store, Guid job, SyntheticImages synthetic, int images, int chunkSize, CancellationToken cancel)
    {
        var tail = new PlanTail(0, 0, null);
        while (tail.NextImage < images)
        {
            var some = Enumerable.Range(0, 16).Select(i => tail.NextImage + i * chunkSize).Where(from => from < images)
                .Select(from => SyntheticImages.References(from, Math.Min(chunkSize, images - from))).ToList();
            tail = (await store.Jobs.AddChunksAsync(job, tail, some, cancel))!;
        }
        await store.Jobs.FinishPlanningAsync(job, cancel);
        var results = new List<ChunkResult>();
        var now = DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        foreach (var chunk in await store.Chunks.TakeAsync(job, int.MaxValue, TimeSpan.FromHours(1), cancel))
        {
            var message = new ExplainImages { Key = $"{job}/{chunk.Number}", JobId = job, Chunk = chunk.Number, Epoch = chunk.Epoch, Model = SyntheticImages.Model, References = chunk.References };
            var lease = (await store.Chunks.LeaseAsync(message, "measure", TimeSpan.FromHours(1), cancel: cancel)).Lease!;
            var items = chunk.References.Select(reference => synthetic.Item(job, reference.Number, now)).ToList();
            results.Add(new ChunkResult(lease, [.. items.Where(item => item.Explanation is not null).Select(item => synthetic.Explanation(item.Number))], items));
        }
        return results;
    }

    /// <returns>Seconds.</returns>
    private static async Task<double> TimeAsync<T>(IEnumerable<T> work, int callers, Func<T, Task> run)
    {
        var watch = Stopwatch.StartNew();
        await Parallel.ForEachAsync(work, new ParallelOptions { MaxDegreeOfParallelism = callers }, async (one, _) => await run(one));
        return watch.Elapsed.TotalSeconds;
    }
}

/// <summary>A store that lets its database be measured without the contract.</summary>
internal interface IBareStore
{
    /// <summary>Empty scratch tables with the same indexes, dropped when disposed.</summary>
    Task<IBareTables> CreateBareAsync(CancellationToken cancel);

    /// <summary>Of explanations and items with their indexes, on disk; null where the server does not tell.</summary>
    Task<long?> BytesAsync(CancellationToken cancel);
}

internal interface IBareTables : IAsyncDisposable
{
    /// <summary>Plain inserts, in bulk; as durable as the store's own.</summary>
    Task InsertAsync(IReadOnlyList<StoredExplanation> explanations, IReadOnlyList<Item> items, CancellationToken cancel);
}
