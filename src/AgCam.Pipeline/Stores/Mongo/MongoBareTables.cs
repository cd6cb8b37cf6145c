using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Measuring;
using MongoDB.Bson;
using MongoDB.Driver;

namespace AgCam.Pipeline.Stores.Mongo;

internal sealed class MongoBareTables(MongoDatabase database) : IBareTables
{
    private IMongoCollection<RawBsonDocument> Explanations => database.Database.GetCollection<RawBsonDocument>("bare_explanations");

    private IMongoCollection<RawBsonDocument> Items => database.Database.GetCollection<RawBsonDocument>("bare_items");

    public static async Task<IBareTables> CreateAsync(MongoDatabase database, CancellationToken cancellationToken)
    {
        var tables = new MongoBareTables(database);
        await tables.DisposeAsync();
        await MongoIndexes.CreateItemIndexesAsync(tables.Items, cancellationToken);
        return tables;
    }

    public async Task InsertAsync(
        IReadOnlyList<StoredExplanation> explanations,
        IReadOnlyList<Item> items,
        CancellationToken cancellationToken
    )
    {
        var unordered = new InsertManyOptions { IsOrdered = false };
        if (explanations.Count > 0)
            await Explanations.InsertManyAsync(
                explanations.Select(explanation => MongoRaw.From(explanation, DateTimeOffset.UnixEpoch)),
                unordered,
                cancellationToken
            );
        await Items.InsertManyAsync(items.Select(item => MongoRaw.From(item)), unordered, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await database.Database.DropCollectionAsync("bare_explanations");
        await database.Database.DropCollectionAsync("bare_items");
    }
}
