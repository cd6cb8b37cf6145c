using AgCam.Pipeline.Stores.Documents;
using AgCam.Pipeline.Stores.Mongo;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using Xunit;

namespace AgCam.Pipeline.Tests.Stores;

public sealed class MongoIndexesTests
{
    /// <summary>MongoDB accepts an index on a field that no document has, and then reads the whole collection for each query.</summary>
    [Fact]
    public void Indexes_have_fields_of_their_documents()
    {
        Bson.Register();
        AssertFields<MongoJob>(MongoIndexes.Jobs);
        AssertFields<MongoChunk>(MongoIndexes.Chunks);
        AssertFields<MongoFinding>(MongoIndexes.Findings);
    }

    private static void AssertFields<T>(IReadOnlyList<(string Name, BsonDocument Keys)> indexes)
    {
        var fields = BsonClassMap.LookupClassMap(typeof(T)).AllMemberMaps.Select(member => member.ElementName).ToHashSet();
        Assert.All(
            indexes.SelectMany(index => index.Keys.Names.Select(key => (index.Name, Field: key.Split('.')[0]))),
            key => Assert.True(fields.Contains(key.Field), $"{key.Name}: {typeof(T).Name} has no field {key.Field}")
        );
    }
}
