namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Index on unordered values as two tables with the same key. New rows go into the small table "recent". <see cref="SqliteIndexMerge"/>
/// moves them in key order into the large table "keys", so that a page of it is written once for many rows. Both are tables WITHOUT
/// ROWID, because SQLite would update an index of its own at once.
/// </summary>
/// <param name="row">Name of the INTEGER PRIMARY KEY of the indexed table. In both index tables it is the last column, "row".</param>
/// <param name="columns">Indexed columns with their types. Rows with null in one of them are not indexed.</param>
internal sealed class SqliteIndex(string table, string row, string name, params IReadOnlyList<(string Name, string Type)> columns)
{
    /// <summary>
    /// Returns the indexes of <see cref="ItemIndex.All"/> on unordered values, and the index of sources that finds files read before.
    /// </summary>
    public static IReadOnlyList<SqliteIndex> OfItems { get; } =
    [
        new("items", "id", "probability", ("owner", "INTEGER"), ("probability", "REAL")),
        new("items", "id", "predicted", ("owner", "INTEGER"), ("predicted", "TEXT"), ("probability", "REAL")),
        new("items", "id", "correct", ("owner", "INTEGER"), ("correct", "INTEGER"), ("probability", "REAL")),
        new("items", "id", "confusion", ("owner", "INTEGER"), ("label", "TEXT"), ("predicted", "TEXT"), ("probability", "REAL")),
        new("items", "id", "label_probability", ("owner", "INTEGER"), ("label_probability", "REAL")),
        new("items", "id", "label", ("owner", "INTEGER"), ("label", "TEXT")),
        new("items", "id", "label_class", ("owner", "INTEGER"), ("label_class", "TEXT"), ("label_probability", "REAL")),
        new("items", "id", "label_correct", ("owner", "INTEGER"), ("correct", "INTEGER"), ("label_probability", "REAL")),
        new("items", "id", "model", ("model", "TEXT"), ("predicted", "TEXT"), ("probability", "REAL")),
        new("items", "id", "explanation", ("explanation", "BLOB")),
        new("items", "id", "source", ("source", "BLOB")),
    ];

    public static SqliteIndex OfExplanations { get; } = new("explanations", "row", "id", ("id", "BLOB"));

    public static IReadOnlyList<SqliteIndex> All { get; } = [.. OfItems, OfExplanations];

    public string Name => name;

    public string Keys => $"{table}_{name}_keys";

    public string Recent => $"{table}_{name}_recent";

    /// <summary>Columns of the key, in order.</summary>
    public string Key { get; } = string.Join(", ", [.. columns.Select(column => column.Name), "row"]);

    /// <summary>Number of columns of <see cref="Key"/>.</summary>
    public int Width => columns.Count + 1;

    /// <summary>Creates both tables, and the trigger that removes deleted rows from them.</summary>
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

    /// <summary>Adds rows ?1 to ?2 of the table, sorted by key, at half the cost of a trigger for each row.</summary>
    public string AddRows => $"INSERT INTO {Recent} {Rows($" AND {row} BETWEEN ?1 AND ?2")}";

    /// <summary>Adds the last inserted row, whose indexed column is ?1. For an index of one column.</summary>
    public string AddLastRow => $"INSERT INTO {Recent} VALUES (?1, last_insert_rowid())";

    /// <summary>Returns the expression whether a row has <paramref name="value"/>. For an index of one column.</summary>
    public string Has(string value) => $"({Exists(Keys, value)} OR {Exists(Recent, value)})";

    /// <summary>Returns the expression for a row that has <paramref name="value"/>, or null. For an index of one column.</summary>
    public string Find(string value) => $"COALESCE(({First(Keys, value)}), ({First(Recent, value)}))";

    private string Definition =>
        $"{string.Concat(columns.Select(column => $"{column.Name} {column.Type} NOT NULL, "))}row INTEGER NOT NULL, PRIMARY KEY ({Key})";

    private string IsDeleted => $"{string.Concat(columns.Select(column => $"{column.Name} = OLD.{column.Name} AND "))}row = OLD.{row}";

    private string Rows(string condition)
    {
        var key = string.Join(", ", [.. columns.Select(column => column.Name), row]);
        return $"SELECT {key} FROM {table} NOT INDEXED WHERE "
            + $"{string.Join(" AND ", columns.Select(column => $"{column.Name} IS NOT NULL"))}{condition} ORDER BY {key}";
    }

    private string Exists(string indexTable, string value) => $"EXISTS (SELECT 1 FROM {indexTable} WHERE {columns[0].Name} = {value})";

    private string First(string indexTable, string value) => $"SELECT row FROM {indexTable} WHERE {columns[0].Name} = {value} LIMIT 1";
}
