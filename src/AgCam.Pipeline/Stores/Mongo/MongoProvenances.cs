using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

internal sealed class MongoProvenances(MongoDatabase database) : IProvenances
{
    public Task<Digest> PutAsync(Provenance provenance, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
        {
            var id = provenance.Id();
            var document = new BsonDocument("_id", MongoKeys.Id(id));
            document.AddRange(provenance.ToBsonDocument());
            await MongoDatabase.InsertNewAsync(database.Provenances, document, cancellationToken);
            return id;
        });

    public Task<Provenance?> FindAsync(Digest id, CancellationToken cancellationToken = default) =>
        MongoDatabase.RunAsync(async () =>
            await database.Provenances.Find(new BsonDocument("_id", MongoKeys.Id(id))).FirstOrDefaultAsync(cancellationToken)
                is { } document
                ? BsonSerializer.Deserialize<Provenance>(document)
                : null
        );
}
