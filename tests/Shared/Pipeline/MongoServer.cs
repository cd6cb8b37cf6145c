using MongoDB.Driver;

namespace AgCam.Testing;

/// <summary>The MongoDB server that AGCAM_TEST_MONGODB names. Each test has a database of its own there, and drops it.</summary>
internal static class MongoServer
{
    public const string Variable = "AGCAM_TEST_MONGODB";

    public static string? Uri => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } uri ? uri : null;

    public static string NewName() => $"agcam_test_{Guid.NewGuid():N}"[..30];

    public static async Task DropAsync(string name)
    {
        using var client = new MongoClient(Uri);
        await client.DropDatabaseAsync(name);
    }
}
