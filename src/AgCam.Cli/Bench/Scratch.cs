using AgCam.Pipeline;
using AgCam.Pipeline.Bus;
using MongoDB.Driver;

namespace AgCam.Cli.Bench;

/// <summary>Database and queues with unique names for a measurement that fills them. Deleted when disposed.</summary>
internal sealed class Scratch : IAsyncDisposable
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

    /// <summary>Uses the in-memory bus, and SQLite below the temporary folder.</summary>
    public static Scratch OneProcess() => new(null, null);

    /// <param name="store">MongoDB address.</param>
    /// <param name="bus">Address of a broker, or "memory".</param>
    public static Scratch On(string store, string bus) => new(store, bus);

    /// <summary>Returns another empty database on the same server or disk, with the in-memory bus.</summary>
    public Scratch Another() => _folder is null ? On(Options.Store, PipelineOptions.InMemory) : OneProcess();

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
