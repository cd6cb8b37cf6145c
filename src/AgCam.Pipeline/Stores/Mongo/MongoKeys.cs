using MongoDB.Bson;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>Key of a document that has a number in its job or request. As a document it sorts by job, then by number.</summary>
internal sealed record MongoKey
{
    public Guid Job { get; init; }

    public int N { get; init; }
}

/// <summary>
/// Writes keys as BSON for filters that run for every chunk. Without it, the driver translates an expression anew for each call, which
/// takes longer than the call.
/// </summary>
internal static class MongoKeys
{
    public static BsonBinaryData Id(Guid id) => new(id, GuidRepresentation.Standard);

    public static BsonBinaryData Id(Digest digest) => new(digest.ToArray());

    /// <summary>Returns a <see cref="MongoKey"/> as a document.</summary>
    public static BsonDocument Of(Guid job, int number) => new() { { "job", Id(job) }, { "n", number } };

    /// <summary>Returns the range of keys of a job.</summary>
    public static BsonDocument InJob(Guid job) => InJob(job, 0, int.MaxValue);

    /// <summary>Returns the range of keys of a job from number <paramref name="first"/> to <paramref name="last"/>.</summary>
    public static BsonDocument InJob(Guid job, int first, int last) => new() { { "$gte", Of(job, first) }, { "$lte", Of(job, last) } };
}
