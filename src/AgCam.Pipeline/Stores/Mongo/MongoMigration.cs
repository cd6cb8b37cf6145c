using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

/// <summary>What older versions wrote, brought to the form of this one. Each step may be cut short and begun again.</summary>
internal static class MongoMigration
{
    /// <summary>From version 3 to 4: a chunk's references get a document of their own.</summary>
    public static async Task From3Async(MongoDatabase database, CancellationToken cancel)
    {
        var (chunks, references) = (Raw(database, database.Chunks.CollectionNamespace), Raw(database, database.References.CollectionNamespace));
        using var old = await chunks.Find(new BsonDocument("refs", new BsonDocument("$exists", true))).ToCursorAsync(cancel);
        while (await old.MoveNextAsync(cancel))
            foreach (var chunk in old.Current)
            {
                var plan = ObjectId.GenerateNewId();
                var key = chunk["_id"].AsBsonDocument;
                await references.InsertOneAsync(new BsonDocument { { "_id", new BsonDocument(key) { { "plan", plan } } }, { "refs", chunk["refs"] } }, null, cancel);
                await chunks.UpdateOneAsync(
                    new BsonDocument { { "_id", key }, { "refs", new BsonDocument("$exists", true) } }, new BsonDocument { { "$set", new BsonDocument("plan", plan) }, { "$unset", new BsonDocument("refs", 1) } }, null, cancel);
            }
    }

    private static IMongoCollection<BsonDocument> Raw(MongoDatabase database, CollectionNamespace name) => database.Database.GetCollection<BsonDocument>(name.CollectionName);
}
