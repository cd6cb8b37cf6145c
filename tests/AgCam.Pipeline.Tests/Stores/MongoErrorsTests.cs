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

/// <summary>Tests which of the driver's errors are transient.</summary>
public sealed class MongoErrorsTests
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
    public async Task Transient_codes_make_the_store_unavailable(int code)
    {
        await AssertTransientAsync(Command(code));
        await AssertTransientAsync(new MongoWriteException(At, Error(code), null, null));
        await AssertTransientAsync(Bulk([BulkError(0, DuplicateKey), BulkError(1, code)]));
    }

    [Theory]
    [InlineData(2)] // BadValue
    [InlineData(13)] // Unauthorized
    [InlineData(10334)] // BSONObjectTooLarge
    public async Task Other_codes_are_thrown_unchanged(int code)
    {
        await AssertUnchangedAsync(Command(code));
        await AssertUnchangedAsync(new MongoWriteException(At, Error(code), null, null));
        await AssertUnchangedAsync(Bulk([BulkError(0, 112), BulkError(1, code)]));
        await AssertUnchangedAsync(Bulk([BulkError(0, DuplicateKey)]));
    }

    [Theory]
    [InlineData("RetryableWriteError")]
    [InlineData("RetryableReadError")]
    public async Task Errors_with_a_retryable_label_make_the_store_unavailable_whatever_their_code(string label)
    {
        var labelled = Command(2);
        labelled.AddErrorLabel(label);
        await AssertTransientAsync(labelled);
    }

    [Fact]
    public async Task A_write_that_no_majority_confirmed_makes_the_store_unavailable()
    {
        var concern = New<WriteConcernError>(
            64,
            "WriteConcernFailed",
            "waiting for replication timed out",
            new BsonDocument(),
            Array.Empty<string>()
        );
        await AssertTransientAsync(new MongoWriteException(At, null, concern, null));
        await AssertTransientAsync(Bulk([BulkError(0, DuplicateKey)], concern));
    }

    [Fact]
    public async Task Connection_errors_make_the_store_unavailable()
    {
        await AssertTransientAsync(new MongoConnectionException(At, "closed"));
        await AssertTransientAsync(new MongoWaitQueueFullException("full"));
        await AssertTransientAsync(new TimeoutException("no server"));
        await AssertTransientAsync(New<MongoConnectionPoolPausedException>("paused"));
    }

    private static async Task AssertTransientAsync(Exception e) =>
        Assert.Same(
            e,
            (await Assert.ThrowsAsync<StoreUnavailableException>(() => MongoDatabase.RunAsync<int>(() => throw e))).InnerException
        );

    private static async Task AssertUnchangedAsync(Exception e) =>
        Assert.Same(e, await Assert.ThrowsAsync(e.GetType(), () => MongoDatabase.RunAsync<int>(() => throw e)));

    private static MongoCommandException Command(int code) =>
        new(At, "it failed", new BsonDocument("find", "chunks"), new BsonDocument { { "ok", 0 }, { "code", code } });

    private static ServerErrorCategory Category(int code) =>
        code == DuplicateKey ? ServerErrorCategory.DuplicateKey : ServerErrorCategory.Uncategorized;

    private static WriteError Error(int code) => New<WriteError>(Category(code), code, "it failed", new BsonDocument());

    private static BulkWriteError BulkError(int index, int code) =>
        New<BulkWriteError>(index, Category(code), code, "it failed", new BsonDocument());

    private static MongoBulkWriteException<BsonDocument> Bulk(BulkWriteError[] errors, WriteConcernError? concern = null) =>
        new(At, new BulkWriteResult<BsonDocument>.Unacknowledged(2, []), errors, concern, []);

    /// <summary>Creates objects of the driver whose constructors are internal.</summary>
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
