using AgCam.Pipeline.Bus;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Measuring;

/// <summary>A database and queues with names of their own, for a measurement that fills them; gone when disposed.</summary>
public sealed class Scratch : IAsyncDisposable
{
    private readonly string _name = $"agcam-bench-{Guid.NewGuid():N}";
    private readonly string? _folder;

    private Scratch(string? store, string? bus)
    {
        _folder = store is null ? Directory.CreateTempSubdirectory(_name).FullName : null;
        Options = new PipelineOptions
        {
            Store = store ?? Path.Combine(_folder!, "agcam.db"),
            Database = _name,
            Bus = bus ?? PipelineOptions.InMemory,
            Prefix = _name,
        };
    }

    public PipelineOptions Options { get; }

    /// <summary>Everything in one process: the bus in memory, and SQLite below the temporary folder.</summary>
    public static Scratch OneProcess() => new(null, null);

    /// <param name="store">mongodb:// and a server.</param>
    /// <param name="bus">amqp:// and a broker; or in memory.</param>
    public static Scratch On(string store, string bus) => new(store, bus);

    public async ValueTask DisposeAsync()
    {
        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
            return;
        }
        if (!Options.IsInMemory)
            await new Topology(BrokerAddress.Of(Options), new BusNames(Options.Prefix)).RemoveAsync(CancellationToken.None);
        using var client = new MongoClient(Options.Store);
        await client.DropDatabaseAsync(Options.Database);
    }
}
