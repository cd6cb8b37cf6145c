namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>
/// Moves what the small levels of indexes hold above <paramref name="recentRows"/> into the large ones, in steps within the
/// transactions that insert: each step one index, and of that the next range of keys after the last step's, around and around. With r
/// rows in the small level a range of b of them is b/r of all keys, so a page of the large level is written once for r rows over its
/// number of pages. For the writer's thread.
/// </summary>
internal sealed class SqliteFolding(IReadOnlyList<SqliteIndex> indexes, int recentRows)
{
    /// <summary>Fewer rows than this do not pay for counting.</summary>
    private const int FewRows = 256;

    /// <summary>Where each index goes on; only a place to start from, so it may be lost.</summary>
    private readonly object?[]?[] _last = new object?[]?[indexes.Count];

    private int _next,
        _inserted;

    /// <param name="inserted">Rows that the transaction has inserted.</param>
    public void Step(SqliteSession session, int inserted)
    {
        _inserted += inserted;
        if (_inserted < Math.Min(FewRows, recentRows))
            return;
        _inserted = 0;
        _next = (_next + 1) % indexes.Count;
        var index = indexes[_next];
        var above = session.Number($"SELECT COUNT(*) FROM {index.Recent}") - recentRows;
        if (above > 0)
            _last[_next] = Fold(session, index, _last[_next], above.Value);
    }

    /// <returns>The last key that was moved; null when it was the last of all.</returns>
    private static object?[]? Fold(SqliteSession session, SqliteIndex index, object?[]? after, long rows)
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
