using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Measuring;

namespace AgCam.Pipeline.Stores.Sqlite;

internal sealed class SqliteBareTables(SqliteDatabase database) : IBareTables
{
    private static readonly SqliteDocuments s_bare = new("bare_explanations", "bare_items");

    private readonly SqliteDocumentWriter _documents = new(s_bare, database.RecentRows);

    public static async Task<IBareTables> CreateAsync(SqliteDatabase database, CancellationToken cancellationToken)
    {
        await DropAsync(database, cancellationToken);
        await database.WriteAsync(session => session.Execute(s_bare.Create), cancellationToken);
        return new SqliteBareTables(database);
    }

    public async Task InsertAsync(
        IReadOnlyList<StoredExplanation> explanations,
        IReadOnlyList<Item> items,
        CancellationToken cancellationToken
    )
    {
        var explanationRows = explanations.Select(SqliteExplanationRow.From).ToList();
        var itemRows = items.Select(item => SqliteItemRow.From(item)).ToList();
        await database.WriteManyAsync(
            session =>
            {
                var inserts = _documents.Begin(session);
                foreach (var row in explanationRows)
                    inserts.Insert(row, DateTimeOffset.UnixEpoch);
                foreach (var row in itemRows)
                    inserts.Insert(row, owner: 1);
                inserts.End();
                return 0;
            },
            cancellationToken
        );
    }

    public async ValueTask DisposeAsync() => await DropAsync(database, CancellationToken.None);

    private static Task<int> DropAsync(SqliteDatabase database, CancellationToken cancellationToken) =>
        database.WriteAsync(session => session.Execute(s_bare.Drop), cancellationToken);
}
