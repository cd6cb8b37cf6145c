using System.Diagnostics;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores.Measuring;

/// <summary>How fast a database takes documents with the store's indexes and nothing else: the measure for what a pipeline reaches.</summary>
public static class StoreRate
{
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
