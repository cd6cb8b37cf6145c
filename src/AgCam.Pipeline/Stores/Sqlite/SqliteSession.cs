using Microsoft.Data.Sqlite;

namespace AgCam.Pipeline.Stores.Sqlite;

/// <summary>One connection with its prepared statements. Parameters are ?1, ?2, ... in the order given. For one thread at a time.</summary>
internal sealed class SqliteSession : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteCommand> _commands = [];
    private readonly Dictionary<string, SqliteInsert> _inserts = [];

    public SqliteSession(string connectionString, string pragmas)
    {
        _connection = new SqliteConnection(connectionString);
        _connection.Open();
        using var command = _connection.CreateCommand();
        command.CommandText = pragmas;
        command.ExecuteNonQuery();
    }

    /// <returns>How many rows were changed by an insert, update or delete.</returns>
    public int Execute(string sql, params ReadOnlySpan<object?> values) => Bind(sql, values).ExecuteNonQuery();

    public List<T> All<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        using var reader = Bind(sql, values).ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(read(reader));
        return rows;
    }

    /// <returns>The first row; default when there is none.</returns>
    public T? First<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        using var reader = Bind(sql, values).ExecuteReader();
        return reader.Read() ? read(reader) : default;
    }

    /// <returns>The first column of the first row; null when there is no row or it holds null.</returns>
    public long? Number(string sql, params ReadOnlySpan<object?> values) =>
        First(sql, row => row.IsDBNull(0) ? (long?)null : row.GetInt64(0), values);

    /// <summary>The statement, prepared once; its parameters are added in order, then it is run.</summary>
    public SqliteInsert Insert(string sql)
    {
        if (!_inserts.TryGetValue(sql, out var insert))
            _inserts.Add(sql, insert = new SqliteInsert(_connection.Handle!, sql));
        return insert;
    }

    /// <summary>False once SQLite itself has rolled the transaction back, as it does when the disk is full.</summary>
    public bool InTransaction => SQLitePCL.raw.sqlite3_get_autocommit(_connection.Handle) == 0;

    public void Dispose()
    {
        foreach (var command in _commands.Values)
            command.Dispose();
        foreach (var insert in _inserts.Values)
            insert.Dispose();
        _connection.Dispose();
    }

    private SqliteCommand Bind(string sql, ReadOnlySpan<object?> values)
    {
        if (!_commands.TryGetValue(sql, out var command))
        {
            command = _connection.CreateCommand();
            command.CommandText = sql;
            for (var i = 0; i < values.Length; i++)
                command.Parameters.Add(new SqliteParameter($"?{i + 1}", null));
            _commands.Add(sql, command);
        }
        for (var i = 0; i < values.Length; i++)
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        return command;
    }
}

/// <summary>Our types as SQLite's: Guid as 16 bytes in network order, times as milliseconds since 1970.</summary>
internal static class SqliteValues
{
    public static byte[] Blob(this Guid id) => id.ToByteArray(bigEndian: true);

    public static Guid GetId(this SqliteDataReader row, int column) => new(row.GetFieldValue<byte[]>(column), bigEndian: true);

    public static byte[] GetBlob(this SqliteDataReader row, int column) => row.GetFieldValue<byte[]>(column);

    public static Digest GetDigest(this SqliteDataReader row, int column) => new(row.GetFieldValue<byte[]>(column));

    public static DateTimeOffset GetTime(this SqliteDataReader row, int column) =>
        DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));

    public static DateTimeOffset? GetTimeOrNull(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetTime(column);

    public static string? GetText(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    public static int? GetIntOrNull(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt32(column);

    public static long Ms(this DateTimeOffset time) => time.ToUnixTimeMilliseconds();
}
