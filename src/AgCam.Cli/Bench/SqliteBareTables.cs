using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Sqlite;

namespace AgCam.Cli.Bench;

/// <summary>Tables of a SQLite store.</summary>
internal sealed class SqliteBareTables(SqliteDatabase database) : IBareTables
{
    private readonly SqliteDocumentWriter _documents = new(database.RecentRows);
    private readonly Dictionary<Guid, long> _owners = []; // used by the writer's thread only

    public async Task InsertAsync(
        IReadOnlyList<StoredExplanation> explanations,
        IReadOnlyList<Item> items,
        CancellationToken cancellationToken
    )
    {
        var explanationRows = explanations.Select(SqliteExplanationRow.From).ToList();
        var itemRows = items.Select(item => SqliteItemRow.From(item)).ToList();
        var inserted = await database.WriteManyAsync(
            session =>
            {
                var inserts = _documents.Begin(session);
                var count = explanationRows.Count(row => inserts.Insert(row, DateTimeOffset.UnixEpoch));
                count += itemRows.Count(row => inserts.Insert(row, Owner(row.Item.Job)));
                inserts.End();
                return count;
            },
            cancellationToken
        );
        if (inserted != explanations.Count + items.Count)
            throw new InvalidOperationException("The measurement is void: a document was in the tables before.");
    }

    private long Owner(Guid job) => _owners.TryGetValue(job, out var owner) ? owner : _owners[job] = _owners.Count + 1;
}
