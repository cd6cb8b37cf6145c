using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Sqlite;

namespace AgCam.Pipeline.Tests.Stores;

public sealed class SqliteStoreTests : StoreContract
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "agcam-tests", Guid.NewGuid().ToString("N"));

    protected override Task<IStore> CreateAsync(TimeProvider clock) => ReopenAsync(clock);

    protected override Task<IStore> ReopenAsync(TimeProvider clock) => Task.FromResult<IStore>(
        new SqliteStore(new SqliteOptions { Path = Path.Combine(_folder, "agcam.db"), Durability = SqliteDurability.Process }, clock));

    protected override Task DropAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return Task.CompletedTask;
    }
}
