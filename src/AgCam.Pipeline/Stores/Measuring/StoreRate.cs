using System.Diagnostics;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Stores.Measuring;

/// <summary>
/// How fast a database takes documents with the store's indexes and nothing else: the measure for what a pipeline reaches. What jobs
/// have stored is inserted again, in their order, into scratch tables that go away with this. So a job's documents meet tables as large
/// as those that the job itself found: an insert costs more in a large index than in an empty one.
/// </summary>
public sealed class StoreRate : IAsyncDisposable
{
    private const int Bulk = 512,
        Callers = 2;

    private readonly IStore _store;
    private readonly IBareTables _tables;
    private readonly HashSet<Digest> _inserted = [];

    private StoreRate(IStore store, IBareTables tables) => (_store, _tables) = (store, tables);

    public static async Task<StoreRate> OpenAsync(IStore store, CancellationToken cancellationToken = default) =>
        store is IBareStore bare
            ? new StoreRate(store, await bare.CreateBareAsync(cancellationToken))
            : throw new ArgumentException($"The store {store.Kind} has no bare tables to compare with.", nameof(store));

    /// <summary>
    /// A job's documents, in bulks of 512 by two callers. The first job has code compiled and connections opened in its time.
    /// </summary>
    /// <returns>Images a second.</returns>
    public async Task<double> InsertAgainAsync(Guid job, CancellationToken cancellationToken = default)
    {
        var bulks = new List<(IReadOnlyList<StoredExplanation> Explanations, IReadOnlyList<Item> Items)>();
        await foreach (
            var items in _store
                .Items.AllAsync(new ItemQuery { Job = job, Limit = ItemQuery.MaxLimit }, cancellationToken)
                .Chunk(Bulk)
                .WithCancellation(cancellationToken)
        )
            bulks.Add(
                (
                    await _store.Explanations.FindAsync(
                        [.. items.Select(item => item.Explanation).OfType<Digest>().Where(_inserted.Add)],
                        cancellationToken
                    ),
                    items
                )
            );
        var watch = Stopwatch.StartNew();
        await Parallel.ForEachAsync(
            bulks,
            new ParallelOptions { MaxDegreeOfParallelism = Callers, CancellationToken = cancellationToken },
            async (bulk, cancellationToken) => await _tables.InsertAsync(bulk.Explanations, bulk.Items, cancellationToken)
        );
        return bulks.Sum(bulk => bulk.Items.Count) / watch.Elapsed.TotalSeconds;
    }

    public ValueTask DisposeAsync() => _tables.DisposeAsync();
}

/// <summary>A store that lets its database be measured without the contract.</summary>
internal interface IBareStore
{
    /// <summary>Empty scratch tables with the same indexes, dropped when disposed.</summary>
    Task<IBareTables> CreateBareAsync(CancellationToken cancellationToken);

    /// <summary>Returns the bytes of explanations and items with their indexes; null when the server does not report them.</summary>
    Task<long?> BytesAsync(CancellationToken cancellationToken);
}

internal interface IBareTables : IAsyncDisposable
{
    /// <summary>Plain inserts, in bulk; as durable as the store's own.</summary>
    Task InsertAsync(IReadOnlyList<StoredExplanation> explanations, IReadOnlyList<Item> items, CancellationToken cancellationToken);
}
