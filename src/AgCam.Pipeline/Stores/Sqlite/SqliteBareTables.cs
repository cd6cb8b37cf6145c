using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Measuring;

namespace AgCam.Pipeline.Stores.Sqlite;

internal sealed class SqliteBareTables(SqliteDatabase database) : IBareTables
{
    private const string Explanations = "bare_explanations", Items = "bare_items";

    private static readonly IReadOnlyList<SqliteIndex> s_items = SqliteIndex.OfItems(Items);
    private static readonly IReadOnlyList<SqliteIndex> s_all = [.. s_items, SqliteIndex.OfExplanations(Explanations)];
    private readonly SqliteFolding _folding = new(s_all, database.RecentRows);

    public static async Task<IBareTables> CreateAsync(SqliteDatabase database, CancellationToken cancel)
    {
        await DropAsync(database, cancel);
        await database.WriteAsync(
            session => session.Execute(SqliteSchema.Documents(Explanations, Items)), cancel);
        return new SqliteBareTables(database);
    }

    public async Task InsertAsync(IReadOnlyList<StoredExplanation> explanations, IReadOnlyList<Item> items, CancellationToken cancel)
    {
        var explanationRows = explanations.Select(SqliteExplanationRow.From).ToList();
        var itemRows = items.Select(item => SqliteItemRow.From(item)).ToList();
        await database.WriteManyAsync(
            session =>
            {
                var (intoExplanations, intoItems) = (SqliteExplanationInserts.Of(session, Explanations), SqliteItemRow.Into(session, Items));
                foreach (var row in explanationRows)
                    row.Insert(intoExplanations, DateTimeOffset.UnixEpoch);
                var inserted = new SqliteRowRuns();
                foreach (var row in itemRows)
                    if (row.Insert(intoItems, 1) == 1)
                        inserted.Add(SqliteSchema.RowId(1, row.Item.Number));
                inserted.Take(session, s_items);
                _folding.Step(session, itemRows.Count);
                return 0;
            },
            cancel);
    }

    public async ValueTask DisposeAsync() => await DropAsync(database, CancellationToken.None);

    private static Task<int> DropAsync(SqliteDatabase database, CancellationToken cancel) =>
        database.WriteAsync(session => session.Execute($"DROP TABLE IF EXISTS {Explanations}; DROP TABLE IF EXISTS {Items}; {string.Concat(s_all.Select(index => index.Drop))}"), cancel);
}
