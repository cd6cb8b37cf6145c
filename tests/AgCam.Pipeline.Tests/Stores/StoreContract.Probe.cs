using AgCam.Pipeline.Stores;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public abstract partial class StoreContract
{
    [Fact]
    public async Task A_store_passes_its_probe_from_several_processes_at_once()
    {
        await using var other = await ReopenAsync(Clock);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? Store : other).ProbeAsync(Cancel)));
        Assert.Equal(StoreSchema.Version, await Store.SchemaVersionAsync(Cancel));
    }
}
