using AgCam.Pipeline.Stores;

namespace AgCam.Pipeline.Telemetry;

/// <summary>Store that measures every call and adds its span to the current trace.</summary>
internal sealed class ObservedStore(IStore store) : IStore
{
    public string Kind => store.Kind;

    public IExplanations Explanations { get; } = StoreCalls.Observe(store.Explanations, "explanations");

    public IItems Items { get; } = StoreCalls.Observe(store.Items, "items");

    public IJobs Jobs { get; } = StoreCalls.Observe(store.Jobs, "jobs");

    public IChunks Chunks { get; } = StoreCalls.Observe(store.Chunks, "chunks");

    public IUploads Uploads { get; } = StoreCalls.Observe(store.Uploads, "uploads");

    public IProvenances Provenances { get; } = StoreCalls.Observe(store.Provenances, "provenances");

    public IRows Rows { get; } = StoreCalls.Observe(store.Rows, "rows");

    public IAudits Audits { get; } = StoreCalls.Observe(store.Audits, "audits");

    public Task ProbeAsync(CancellationToken cancellationToken = default) => store.ProbeAsync(cancellationToken);

    public Task MigrateAsync(CancellationToken cancellationToken = default) => store.MigrateAsync(cancellationToken);

    public Task<int> SchemaVersionAsync(CancellationToken cancellationToken = default) => store.SchemaVersionAsync(cancellationToken);

    public Task<RepairReport> RepairAsync(CancellationToken cancellationToken = default) => store.RepairAsync(cancellationToken);

    public Task<Backlog> BacklogAsync(CancellationToken cancellationToken = default) => store.BacklogAsync(cancellationToken);

    public Task<StoreSize> SizeAsync(CancellationToken cancellationToken = default) => store.SizeAsync(cancellationToken);

    public ValueTask DisposeAsync() => store.DisposeAsync();
}
