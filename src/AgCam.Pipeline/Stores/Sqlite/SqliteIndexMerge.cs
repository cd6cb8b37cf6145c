namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Moves rows from the small tables of indexes into the large ones, within the transactions that insert, so that each small table keeps
/// about <paramref name="recentRows"/>. A step takes one index and its next range of keys, in a cycle. A range of adjacent keys writes
/// few pages of the large table. Only the writer's thread may use it.
/// </summary>
internal sealed class SqliteIndexMerge(IReadOnlyList<SqliteIndex> indexes, int recentRows)
{
    /// <summary>Number of inserted rows per step. Each step counts the small table, which costs too much for fewer rows.</summary>
    private const int RowsPerStep = 256;

    /// <summary>Last merged key of each index. A restart loses it and begins with the first key.</summary>
    private readonly object?[]?[] _lastKeys = new object?[]?[indexes.Count];

    private int _next,
        _inserted;

    /// <summary>Merges a range of the next index once enough rows have been inserted.</summary>
    /// <param name="inserted">Number of rows that the transaction has inserted.</param>
    public void Step(SqliteSession session, int inserted)
    {
        _inserted += inserted;
        if (_inserted < Math.Min(RowsPerStep, recentRows))
            return;
        _inserted = 0;
        _next = (_next + 1) % indexes.Count;
        var index = indexes[_next];
        var excess = session.Number($"SELECT COUNT(*) FROM {index.Recent}") - recentRows;
        if (excess > 0)
            _lastKeys[_next] = MoveRange(session, index, _lastKeys[_next], excess.Value);
    }

    /// <summary>Moves up to <paramref name="rows"/> rows with the smallest keys after <paramref name="after"/>.</summary>
    /// <returns>The last moved key; null at the end of the keys.</returns>
    private static object?[]? MoveRange(SqliteSession session, SqliteIndex index, object?[]? after, long rows)
    {
        object?[] from = after ?? [];
        var range = after is null ? "WHERE TRUE" : $"WHERE ({index.Key}) > ({Parameters(1, index.Width)})";
        var to = session.First(
            $"SELECT {index.Key} FROM {index.Recent} {range} ORDER BY {index.Key} LIMIT 1 OFFSET ?{from.Length + 1}",
            row =>
            {
                var key = new object?[index.Width];
                row.GetValues(key!);
                return key;
            },
            [.. from, rows - 1]
        );
        if (to is not null)
            range += $" AND ({index.Key}) <= ({Parameters(from.Length + 1, index.Width)})";
        object?[] bounds = [.. from, .. to ?? []];
        session.Execute($"INSERT INTO {index.Keys} SELECT {index.Key} FROM {index.Recent} {range} ORDER BY {index.Key}", bounds);
        session.Execute($"DELETE FROM {index.Recent} {range}", bounds);
        return to;
    }

    private static string Parameters(int first, int count) =>
        string.Join(", ", Enumerable.Range(first, count).Select(number => $"?{number}"));
}
