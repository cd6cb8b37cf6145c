using System.Net;
using System.Reflection;
using AgCam.Pipeline.Stores;
using AgCam.Pipeline.Stores.Mongo;
using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.Core.Clusters;
using MongoDB.Driver.Core.Connections;
using MongoDB.Driver.Core.Servers;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Which of the driver's errors are trouble that passes, and which tell of a mistake.</summary>
public sealed class MongoTroubleTests
{
    private const int DuplicateKey = 11000;

    private static readonly ConnectionId At = new(new ServerId(new ClusterId(1), new DnsEndPoint("mongo", 27017)));

    [Theory]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(24)]
    [InlineData(50)]
    [InlineData(89)]
    [InlineData(91)]
    [InlineData(112)]
    [InlineData(133)]
    [InlineData(134)]
    [InlineData(189)]
    [InlineData(262)]
    [InlineData(9001)]
    [InlineData(10107)]
    [InlineData(11600)]
    [InlineData(11602)]
    [InlineData(13435)]
    [InlineData(13436)]
    public async Task What_tells_of_trouble_in_the_cluster_passes_wherever_the_code_stands(int code)
    {
        await PassesAsync(Command(code));
        await PassesAsync(new MongoWriteException(At, Error(code), null, null));
        await PassesAsync(Bulk([BulkError(0, DuplicateKey), BulkError(1, code)]));
    }

    [Theory]
    [InlineData(2)] // BadValue
    [InlineData(13)] // Unauthorized
    [InlineData(10334)] // BSONObjectTooLarge
    public async Task What_tells_of_a_mistake_stays_what_it_is(int code)
    {
        await StaysAsync(Command(code));
        await StaysAsync(new MongoWriteException(At, Error(code), null, null));
        await StaysAsync(Bulk([BulkError(0, 112), BulkError(1, code)]));
        await StaysAsync(Bulk([BulkError(0, DuplicateKey)]));
    }

    [Theory]
    [InlineData("RetryableWriteError")]
    [InlineData("RetryableReadError")]
    public async Task What_the_server_or_the_driver_calls_retryable_passes_whatever_its_code(string label)
    {
        var labelled = Command(2);
        labelled.AddErrorLabel(label);
        await PassesAsync(labelled);
    }

    [Fact]
    public async Task A_write_that_the_majority_has_not_confirmed_passes()
    {
        var concern = New<WriteConcernError>(
            64,
            "WriteConcernFailed",
            "waiting for replication timed out",
            new BsonDocument(),
            Array.Empty<string>()
        );
        await PassesAsync(new MongoWriteException(At, null, concern, null));
        await PassesAsync(Bulk([BulkError(0, DuplicateKey)], concern));
    }

    [Fact]
    public async Task Connections_that_are_not_to_be_had_pass()
    {
        await PassesAsync(new MongoConnectionException(At, "closed"));
        await PassesAsync(new MongoWaitQueueFullException("full"));
        await PassesAsync(new TimeoutException("no server"));
        await PassesAsync(New<MongoConnectionPoolPausedException>("paused"));
    }

    private static async Task PassesAsync(Exception e) =>
        Assert.Same(
            e,
            (await Assert.ThrowsAsync<StoreUnavailableException>(() => MongoDatabase.RunAsync<int>(() => throw e))).InnerException
        );

    private static async Task StaysAsync(Exception e) =>
        Assert.Same(e, await Assert.ThrowsAsync(e.GetType(), () => MongoDatabase.RunAsync<int>(() => throw e)));

    private static MongoCommandException Command(int code) =>
        new(At, "it did not work", new BsonDocument("find", "chunks"), new BsonDocument { { "ok", 0 }, { "code", code } });

    private static ServerErrorCategory Category(int code) =>
        code == DuplicateKey ? ServerErrorCategory.DuplicateKey : ServerErrorCategory.Uncategorized;

    private static WriteError Error(int code) => New<WriteError>(Category(code), code, "it did not work", new BsonDocument());

    private static BulkWriteError BulkError(int index, int code) =>
        New<BulkWriteError>(index, Category(code), code, "it did not work", new BsonDocument());

    private static MongoBulkWriteException<BsonDocument> Bulk(BulkWriteError[] errors, WriteConcernError? concern = null) =>
        new(At, new BulkWriteResult<BsonDocument>.Unacknowledged(2, []), errors, concern, []);

    /// <summary>The driver lets nobody else make these.</summary>
    private static T New<T>(params object?[] arguments) =>
        (T)
            Activator.CreateInstance(
                typeof(T),
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic,
                null,
                arguments,
                null
            )!;
}
