using AgCam.Pipeline.Records;
using AgCam.Pipeline.Stores.Documents;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>An explanation ready to be inserted.</summary>
internal sealed record SqliteExplanationRow(byte[] Id, byte[] Body)
{
    public static SqliteExplanationRow From(StoredExplanation explanation) => new(explanation.Id.ToArray(), ExplanationDocument.Encode(explanation));

    public static SqliteInsert Into(SqliteSession session, string table = "explanations") =>
        session.Insert($"INSERT INTO {table} (id, created, body) SELECT ?1, ?2, ?3 WHERE NOT {SqliteIndex.OfExplanations(table).Has("?1")}");

    /// <returns>1 when it was not there.</returns>
    public int Insert(SqliteInsert into, DateTimeOffset now) => into.Add(Id).Add(now.Ms()).Add(Body).Run();
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
