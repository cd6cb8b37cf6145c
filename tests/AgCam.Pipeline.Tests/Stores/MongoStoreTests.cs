using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using MongoDB.Driver;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Needs a server: AGCAM_TEST_MONGODB names it. Each test has a database of its own there, and drops it.</summary>
public sealed class MongoStoreTests : StoreContract
{
    public const string Variable = "AGCAM_TEST_MONGODB";

    private readonly string _name = NewName();

    public static string? Uri => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } uri ? uri : null;

    public static string NewName() => $"agcam_test_{Guid.NewGuid():N}"[..30];

    protected override Task<IStore> CreateAsync(TimeProvider clock)
    {
        Assert.SkipWhen(Uri is null, $"{Variable} is not set: no MongoDB to test against.");
        return ReopenAsync(clock);
    }

    protected override Task<IStore> ReopenAsync(TimeProvider clock) => Task.FromResult<IStore>(new MongoStore(new MongoOptions { Uri = Uri!, Database = _name }, clock));

    protected override Task DropAsync() => DropAsync(_name);

    public static async Task DropAsync(string name)
    {
        using var client = new MongoClient(Uri);
        await client.DropDatabaseAsync(name);
    }
}
