using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>An explanation ready to be inserted.</summary>
internal sealed record SqliteExplanationRow(byte[] Id, byte[] Body)
{
    public static SqliteExplanationRow From(StoredExplanation explanation) => new(explanation.Id.ToArray(), ExplanationDocument.Encode(explanation));

    /// <returns>1 when it was not there.</returns>
    public int Insert(SqliteExplanationInserts into, DateTimeOffset now)
    {
        if (into.Exists.Add(Id).Finds())
            return 0;
        into.Row.Add(Id).Add(now.Ms()).Add(Body).Run();
        return into.Index.Add(Id).Run();
    }
}

/// <summary>The statements that store an explanation once. Three, because one with a trigger or a SELECT in it lets SQLite copy each page for every row, to undo half of it.</summary>
internal sealed record SqliteExplanationInserts(SqliteInsert Exists, SqliteInsert Row, SqliteInsert Index)
{
    public static SqliteExplanationInserts Of(SqliteSession session, string table = "explanations")
    {
        var index = SqliteIndex.OfExplanations(table);
        return new(
            session.Insert($"SELECT 1 WHERE {index.Has("?1")}"),
            session.Insert($"INSERT INTO {table} (id, created, body) VALUES (?1, ?2, ?3)"),
            session.Insert(index.TakeLast));
    }
}

/// <summary>An item ready to be inserted.</summary>
internal sealed record SqliteItemRow(Item Item, byte[]? Explanation, byte[] Body, byte[]? Source)
{
    /// <param name="read">Whether the image was read for this item.</param>
    public static SqliteItemRow From(Item item, bool read = true) =>
        new(item, item.Explanation?.ToArray(), ItemDocument.Encode(item), read ? SourceStamp.Of(item)?.Key() : null);

    public static SqliteInsert Into(SqliteSession session, string table = "items") => session.Insert(
        $"""
        INSERT INTO {table} (id, owner, status, model, predicted, probability, correct, label, explanation, time, body, source)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING
        """);

    /// <returns>1 when it was not there.</returns>
    public int Insert(SqliteInsert into, long no) => into
        .Add(SqliteSchema.RowId(no, Item.Number)).Add(no).Add((long)Item.Status).Add(Item.Model).Add(Item.Predicted).Add((double?)Item.Probability)
        .Add(Item.Correct).Add(Item.Label).Add(Explanation).Add(Item.Time.Ms()).Add(Body).Add(Source).Run();
}
