using System.Diagnostics;
using AgCam.Pipeline;
using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using AgCam.Pipeline.Stores.Sqlite;

namespace AgCam.Cli.Bench;

/// <summary>
/// Measures how fast a database takes documents with the store's indexes and nothing else, as the reference for a pipeline's rate. It
/// inserts the documents of jobs again, in the jobs' order, into a scratch store. So a job's documents meet tables as large as those that
/// the job itself found: inserting costs more in a large index than in an empty one.
/// </summary>
internal sealed class StoreRate : IAsyncDisposable
{
    private const int Bulk = 512,
        Callers = 2;

    private readonly IStore _store,
        _scratchStore;
    private readonly Scratch _scratch;
    private readonly IBareTables _tables;
    private readonly HashSet<Digest> _inserted = [];

    private StoreRate(IStore store, Scratch scratch)
    {
        (_store, _scratch) = (store, scratch);
        _scratchStore = PipelineRegistration.OpenStore(scratch.Options);
        _tables = _scratchStore switch
        {
            SqliteStore sqlite => new SqliteBareTables(sqlite.Database),
            MongoStore mongo => new MongoBareTables(mongo.Database),
            var other => throw new ArgumentException($"The store {other.Kind} has no bare tables to compare with."),
        };
    }

    /// <param name="store">Store of the jobs.</param>
    /// <param name="scratch">Database of that store. Documents are inserted into another one beside it, which is deleted when this is
    /// disposed.</param>
    public static async Task<StoreRate> OpenAsync(IStore store, Scratch scratch, CancellationToken cancellationToken = default)
    {
        var rate = new StoreRate(store, scratch.Another());
        await rate._scratchStore.MigrateAsync(cancellationToken);
        return rate;
    }

    /// <summary>
    /// Inserts a job's documents again, in bulks of 512 by two callers. The time of the first job includes compiling and connecting.
    /// </summary>
    /// <returns>Images per second.</returns>
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

    public async ValueTask DisposeAsync()
    {
        await _scratchStore.DisposeAsync();
        await _scratch.DisposeAsync();
    }
}

/// <summary>Inserts into the tables of a store without its contract.</summary>
internal interface IBareTables
{
    /// <summary>Inserts new documents in bulk, as durably as the store does.</summary>
    Task InsertAsync(IReadOnlyList<StoredExplanation> explanations, IReadOnlyList<Item> items, CancellationToken cancellationToken);
}
