using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Measuring;

namespace AgCam.Pipeline.Telemetry;

/// <summary>A store whose every call is measured, and a span of the trace that it is part of.</summary>
internal sealed class ObservedStore(IStore store) : IStore, IBareStore
{
    public string Kind => store.Kind;

    public IExplanations Explanations { get; } = StoreCalls.Observe(store.Explanations, "explanations");

    public IItems Items { get; } = StoreCalls.Observe(store.Items, "items");

    public IJobs Jobs { get; } = StoreCalls.Observe(store.Jobs, "jobs");

    public IChunks Chunks { get; } = StoreCalls.Observe(store.Chunks, "chunks");

    public IUploads Uploads { get; } = StoreCalls.Observe(store.Uploads, "uploads");

    public IProvenances Provenances { get; } = StoreCalls.Observe(store.Provenances, "provenances");

    public IRows Rows { get; } = StoreCalls.Observe(store.Rows, "rows");

    public Task ProbeAsync(CancellationToken cancellationToken = default) => store.ProbeAsync(cancellationToken);

    public Task MigrateAsync(CancellationToken cancel = default) => store.MigrateAsync(cancel);

    public Task<int> SchemaVersionAsync(CancellationToken cancel = default) => store.SchemaVersionAsync(cancel);

    public Task<RepairReport> RepairAsync(CancellationToken cancel = default) => store.RepairAsync(cancel);

    public Task<Backlog> BacklogAsync(CancellationToken cancel = default) => store.BacklogAsync(cancel);

    public Task<StoreSize> SizeAsync(CancellationToken cancellationToken = default) => store.SizeAsync(cancellationToken);

    public ValueTask DisposeAsync() => store.DisposeAsync();

    Task<IBareTables> IBareStore.CreateBareAsync(CancellationToken cancel) => ((IBareStore)store).CreateBareAsync(cancel);

    Task<long?> IBareStore.BytesAsync(CancellationToken cancel) => ((IBareStore)store).BytesAsync(cancel);
}
