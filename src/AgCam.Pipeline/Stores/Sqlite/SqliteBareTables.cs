using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Measuring;

namespace AgCam.Pipeline.Stores.Sqlite;

internal sealed class SqliteBareTables(SqliteDatabase database) : IBareTables
{
    private const string Explanations = "bare_explanations", Items = "bare_items";

    public static async Task<IBareTables> CreateAsync(SqliteDatabase database, CancellationToken cancel)
    {
        await DropAsync(database, cancel);
        await database.WriteAsync(
            session => session.Execute(SqliteSchema.ExplanationTable(Explanations) + SqliteSchema.ItemTable(Items) + SqliteSchema.ItemIndexes(Items)), cancel);
        return new SqliteBareTables(database);
    }

    public async Task InsertAsync(IReadOnlyList<StoredExplanation> explanations, IReadOnlyList<Item> items, CancellationToken cancel)
    {
        var explanationRows = explanations.Select(SqliteExplanationRow.From).ToList();
        var itemRows = items.Select(item => SqliteItemRow.From(item)).ToList();
        await database.WriteManyAsync(
            session =>
            {
                var (intoExplanations, intoItems) = (SqliteExplanationRow.Into(session, Explanations), SqliteItemRow.Into(session, Items));
                foreach (var row in explanationRows)
                    row.Insert(intoExplanations, DateTimeOffset.UnixEpoch);
                foreach (var row in itemRows)
                    row.Insert(intoItems, 1);
                return 0;
            },
            cancel);
    }

    public async ValueTask DisposeAsync() => await DropAsync(database, CancellationToken.None);

    private static Task<int> DropAsync(SqliteDatabase database, CancellationToken cancel) =>
        database.WriteAsync(session => session.Execute($"DROP TABLE IF EXISTS {Explanations}; DROP TABLE IF EXISTS {Items}"), cancel);
}
