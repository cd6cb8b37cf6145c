using System.Diagnostics;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using MongoDB.Bson;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Tests that servers which cannot hold a store are refused at start.</summary>
public sealed class MongoCapabilityTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData(0)]
    [InlineData(6)] // MongoDB 3.6
    [InlineData(13)] // MongoDB 5.0
    public async Task A_server_that_is_too_old_is_refused_with_the_version_to_use(int? wireVersion)
    {
        await using var old = new AlteredMongo(behind: null, (name, answer) => OfVersion(wireVersion, answer));
        await using var store = new MongoStore(new MongoOptions { Uri = old.Uri, Database = "agcam" });

        var refused = await Assert.ThrowsAsync<StoreSchemaException>(() => store.ProbeAsync(Cancel));
        Assert.Contains("too old", refused.Message);
        Assert.Contains("MongoDB 6.0", refused.Message);
    }

    [Fact]
    public async Task A_start_does_not_retry_a_server_that_is_too_old()
    {
        using var pictures = new Pictures(0);
        await using var old = new AlteredMongo(behind: null, (_, answer) => OfVersion(6, answer));
        var options = Processes.Options(pictures) with { Store = old.Uri, StartSeconds = 120 };
        var startedAt = Stopwatch.GetTimestamp();

        await Assert.ThrowsAsync<StoreSchemaException>(() => Processes.StartAsync(options));

        Assert.InRange(Stopwatch.GetElapsedTime(startedAt), TimeSpan.Zero, TimeSpan.FromSeconds(60));
    }

    [Theory]
    [InlineData("update", "nModified", "count what an update matched and changed")]
    [InlineData("update", "n", "count what an update matched and changed")]
    [InlineData("delete", "n", "count what a delete removed")]
    [InlineData("findAndModify", "value", "find and change a document in one step")]
    [InlineData("insert", "writeErrors", "tell which documents of an insert are duplicates")]
    [InlineData("aggregate", "done", "add up fields")]
    public async Task A_server_that_omits_a_field_of_an_answer_is_refused(string command, string field, string feature)
    {
        Assert.SkipWhen(MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        await using var server = new AlteredMongo(MongoServer.Uri, (name, answer) => name == command ? Without(field, answer) : answer);
        await RefusedAsync(server, feature);
    }

    [Theory]
    [InlineData("aggregate", "add up fields (")]
    [InlineData("findAndModify", "find and change a document in one step (")]
    public async Task A_server_that_lacks_a_command_is_refused_with_the_missing_feature(string command, string feature)
    {
        Assert.SkipWhen(MongoServer.Uri is null, $"{MongoServer.Variable} is not set: no MongoDB to test against.");
        var unknown = new BsonDocument
        {
            { "ok", 0.0 },
            { "code", 59 },
            { "errmsg", "no such command" },
        };
        await using var server = new AlteredMongo(MongoServer.Uri, (name, answer) => name == command ? unknown : answer);
        await RefusedAsync(server, feature);
    }

    private static async Task RefusedAsync(AlteredMongo server, string feature)
    {
        var name = MongoServer.NewName();
        try
        {
            await using var store = new MongoStore(new MongoOptions { Uri = server.Uri, Database = name });
            var refused = await Assert.ThrowsAsync<StoreSchemaException>(() => store.ProbeAsync(Cancel));
            Assert.Contains($"does not {feature}", refused.Message);
        }
        finally
        {
            await MongoServer.DropAsync(name);
        }
    }

    private static BsonDocument OfVersion(int? wireVersion, BsonDocument answer)
    {
        if (answer.Contains("maxWireVersion"))
            answer.Remove("maxWireVersion");
        return wireVersion is { } version ? answer.Add("maxWireVersion", version) : answer;
    }

    private static BsonDocument Without(string field, BsonDocument answer)
    {
        answer.Remove(field);
        if (answer.TryGetValue("cursor", out var cursor))
            foreach (var row in cursor["firstBatch"].AsBsonArray.OfType<BsonDocument>())
                row.Remove(field);
        return answer;
    }
}
