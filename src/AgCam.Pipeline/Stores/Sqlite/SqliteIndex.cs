namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// An index on values that come in no order, in two levels with one key: the small "recent" table takes what is inserted, and
/// <see cref="SqliteFolding"/> moves it in
/// the key's order into the large "keys" table, so that a page of that is written once for many rows and not once for each. They are
/// plain tables WITHOUT ROWID, because SQLite writes an index of its own at once.
/// </summary>
/// <param name="row">The table's INTEGER PRIMARY KEY; in both levels it is "row" and comes last.</param>
/// <param name="columns">With their types. A row of the table that has null in one of them is not in the index.</param>
internal sealed class SqliteIndex(string table, string row, string name, params IReadOnlyList<(string Name, string Type)> columns)
{
    /// <summary>Those of <see cref="ItemIndex.All"/> whose values come in no order, and the one that knows files again.</summary>
    public static IReadOnlyList<SqliteIndex> OfItems(string table) =>
        [
            new(table, "id", "probability", ("owner", "INTEGER"), ("probability", "REAL")),
            new(table, "id", "predicted", ("owner", "INTEGER"), ("predicted", "TEXT"), ("probability", "REAL")),
            new(table, "id", "correct", ("owner", "INTEGER"), ("correct", "INTEGER"), ("probability", "REAL")),
            new(table, "id", "confusion", ("owner", "INTEGER"), ("label", "TEXT"), ("predicted", "TEXT"), ("probability", "REAL")),
            new(table, "id", "label_probability", ("owner", "INTEGER"), ("label_probability", "REAL")),
            new(table, "id", "label", ("owner", "INTEGER"), ("label", "TEXT")),
            new(table, "id", "label_class", ("owner", "INTEGER"), ("label_class", "TEXT"), ("label_probability", "REAL")),
            new(table, "id", "label_correct", ("owner", "INTEGER"), ("correct", "INTEGER"), ("label_probability", "REAL")),
            new(table, "id", "model", ("model", "TEXT"), ("predicted", "TEXT"), ("probability", "REAL")),
            new(table, "id", "explanation", ("explanation", "BLOB")),
            new(table, "id", "source", ("source", "BLOB")),
        ];

    public static SqliteIndex OfExplanations(string table) => new(table, "row", "id", ("id", "BLOB"));

    public string Name => name;

    public string Keys => $"{table}_{name}_keys";

    public string Recent => $"{table}_{name}_recent";

    /// <summary>The columns of the key, in its order.</summary>
    public string Key { get; } = string.Join(", ", [.. columns.Select(column => column.Name), "row"]);

    /// <summary>How many columns <see cref="Key"/> has.</summary>
    public int Width => columns.Count + 1;

    /// <summary>Both levels, empty, and what takes a deleted row out of them.</summary>
    public string Create =>
        $"""
            CREATE TABLE {Keys} ({Definition}) WITHOUT ROWID;
            CREATE TABLE {Recent} ({Definition}) WITHOUT ROWID;
            CREATE TRIGGER {table}_{name}_delete AFTER DELETE ON {table}
            BEGIN
                DELETE FROM {Recent} WHERE {IsDeleted};
                DELETE FROM {Keys} WHERE {IsDeleted};
            END;

            """;

    public string Drop => $"DROP TABLE IF EXISTS {Keys}; DROP TABLE IF EXISTS {Recent};";

    /// <summary>
    /// Puts rows ?1 to ?2 of the table into the small level: many at once and in order cost half of what a trigger would.
    /// </summary>
    public string Take => $"INSERT INTO {Recent} {Rows($" AND {row} BETWEEN ?1 AND ?2")}";

    /// <summary>Puts the row that was inserted last, whose column is ?1, into the small level. For an index of one column.</summary>
    public string TakeLast => $"INSERT INTO {Recent} VALUES (?1, last_insert_rowid())";

    /// <summary>Whether a row has <paramref name="value"/>. For an index of one column.</summary>
    public string Has(string value) => $"({Exists(Keys, value)} OR {Exists(Recent, value)})";

    /// <summary>A row that has <paramref name="value"/>, or null. For an index of one column.</summary>
    public string Find(string value) => $"COALESCE(({First(Keys, value)}), ({First(Recent, value)}))";

    private string Definition =>
        $"{string.Concat(columns.Select(column => $"{column.Name} {column.Type} NOT NULL, "))}row INTEGER NOT NULL, PRIMARY KEY ({Key})";

    private string IsDeleted => $"{string.Concat(columns.Select(column => $"{column.Name} = OLD.{column.Name} AND "))}row = OLD.{row}";

    private string Rows(string among)
    {
        var key = string.Join(", ", [.. columns.Select(column => column.Name), row]);
        return $"SELECT {key} FROM {table} NOT INDEXED WHERE "
            + $"{string.Join(" AND ", columns.Select(column => $"{column.Name} IS NOT NULL"))}{among} ORDER BY {key}";
    }

    private string Exists(string level, string value) => $"EXISTS (SELECT 1 FROM {level} WHERE {columns[0].Name} = {value})";

    private string First(string level, string value) => $"SELECT row FROM {level} WHERE {columns[0].Name} = {value} LIMIT 1";
}
