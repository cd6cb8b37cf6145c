namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>Names a table of explanations and a table of items, with the two-level indexes of both.</summary>
internal sealed class SqliteDocuments(string explanations, string items)
{
    /// <summary>The tables of the store.</summary>
    public static SqliteDocuments Stored { get; } = new("explanations", "items");

    public IReadOnlyList<SqliteIndex> OfItems { get; } = SqliteIndex.OfItems(items);

    public SqliteIndex OfExplanations { get; } = SqliteIndex.OfExplanations(explanations);

    public IReadOnlyList<SqliteIndex> Indexes => [.. OfItems, OfExplanations];

    public string Create =>
        SqliteSchema.ExplanationTable(explanations)
        + SqliteSchema.ItemTable(items)
        + SqliteSchema.PlainIndexes(items)
        + string.Concat(Indexes.Select(index => index.Create));

    public string Drop =>
        $"DROP TABLE IF EXISTS {explanations}; DROP TABLE IF EXISTS {items}; {string.Concat(Indexes.Select(index => index.Drop))}";

    /// <summary>Query that has a row when the explanation ?1 is stored.</summary>
    public string HasExplanation => field ??= $"SELECT 1 WHERE {OfExplanations.Has("?1")}";

    public string InsertExplanation { get; } = $"INSERT INTO {explanations} (id, created, body) VALUES (?1, ?2, ?3)";

    public string InsertItem { get; } =
        $"""
            INSERT INTO {items} (
                id, owner, status, model, predicted, probability, correct, label, label_class, label_probability, explanation, time, body,
                source)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING
            """;
}
