using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Mongo;
using MongoDB.Driver;

namespace AgCam.Cli.Bench;

/// <summary>Collections of a MongoDB store.</summary>
internal sealed class MongoBareTables(MongoDatabase database) : IBareTables
{
    public async Task InsertAsync(
        IReadOnlyList<StoredExplanation> explanations,
        IReadOnlyList<Item> items,
        CancellationToken cancellationToken
    )
    {
        var unordered = new InsertManyOptions { IsOrdered = false };
        if (explanations.Count > 0)
            await database.Explanations.InsertManyAsync(
                explanations.Select(explanation => MongoRaw.From(explanation, DateTimeOffset.UnixEpoch)),
                unordered,
                cancellationToken
            );
        await database.Items.InsertManyAsync(items.Select(item => MongoRaw.From(item)), unordered, cancellationToken);
    }
}
