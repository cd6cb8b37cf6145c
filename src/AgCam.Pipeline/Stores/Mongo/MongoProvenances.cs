using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

internal sealed class MongoProvenances(MongoDatabase database) : IProvenances
{
    public Task<Digest> PutAsync(Provenance provenance, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
    {
        var id = provenance.Id();
        var document = new BsonDocument("_id", MongoRaw.Id(id));
        document.AddRange(provenance.ToBsonDocument());
        await MongoDatabase.InsertNewAsync(database.Provenances, document, cancel);
        return id;
    });

    public Task<Provenance?> FindAsync(Digest id, CancellationToken cancel = default) => MongoDatabase.RunAsync(async () =>
        await database.Provenances.Find(new BsonDocument("_id", MongoRaw.Id(id))).FirstOrDefaultAsync(cancel) is { } document
            ? BsonSerializer.Deserialize<Provenance>(document)
            : null);
}
