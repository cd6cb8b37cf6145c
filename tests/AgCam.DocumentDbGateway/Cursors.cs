using System.Collections.Concurrent;
using MongoDB.Bson;
using Npgsql;

namespace AgCam.DocumentDbGateway;

/// <summary>
/// Open cursors of the process. A streaming cursor is a continuation document that any PostgreSQL connection can continue. A sorted or
/// grouped one is a portal of the transaction that opened it, so the cursor keeps that connection. The driver may use another of its
/// connections for getMore, so cursors are process-wide. They end with the client connection that opened them.
/// </summary>
internal sealed class Cursors(NpgsqlDataSource database) : IAsyncDisposable
{
    private sealed class Cursor(byte[] continuation, NpgsqlConnection? portal) : IAsyncDisposable
    {
        public byte[] Continuation { get; set; } = continuation;
        public NpgsqlConnection? Portal => portal;

        public ValueTask DisposeAsync() => portal?.DisposeAsync() ?? ValueTask.CompletedTask; // closing rolls the transaction back
    }

    private static readonly ConcurrentDictionary<long, Cursor> Open = new();
    private readonly ConcurrentBag<long> _mine = [];

    /// <summary>Opens a cursor with one of the extension's <c>*_cursor_first_page</c> functions.</summary>
    public async Task<ReadOnlyMemory<byte>> FirstAsync(string kind, string db, BsonDocument command, CancellationToken cancellationToken)
    {
        var connection = await database.OpenConnectionAsync(cancellationToken);
        var keep = false;
        try
        {
            // Ends with the commit below or with its connection.
            var transaction = await connection.BeginTransactionAsync(cancellationToken);
            byte[] page,
                continuation;
            long id;
            await using (
                var sql = new NpgsqlCommand(
                    "select cursorpage::bytea, continuation::bytea, cursorid "
                        + $"from documentdb_api.{kind}_cursor_first_page($1, $2::documentdb_core.bson)",
                    connection
                )
            )
            {
                sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
                sql.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = command.ToBson() });
                await using var reader = await sql.ExecuteReaderAsync(cancellationToken);
                await reader.ReadAsync(cancellationToken);
                page = reader.GetFieldValue<byte[]>(0);
                continuation = reader.IsDBNull(1) ? [] : reader.GetFieldValue<byte[]>(1);
                id = reader.GetInt64(2);
            }
            if (id == 0 || continuation.Length == 0)
            {
                await transaction.CommitAsync(cancellationToken);
                return page;
            }
            keep = new RawBsonDocument(continuation).GetValue("qp", false).ToBoolean(); // "query is a portal"
            if (!keep)
                await transaction.CommitAsync(cancellationToken);
            Open[id] = new Cursor(continuation, keep ? connection : null);
            _mine.Add(id);
            return page;
        }
        finally
        {
            if (!keep)
                await connection.DisposeAsync();
        }
    }

    public async Task<ReadOnlyMemory<byte>> MoreAsync(string db, BsonDocument command, CancellationToken cancellationToken)
    {
        var id = command["getMore"].ToInt64();
        if (!Open.TryGetValue(id, out var cursor))
            throw new BadCommandException(ErrorCodes.CursorNotFound, $"cursor id {id} not found");
        var connection = cursor.Portal ?? await database.OpenConnectionAsync(cancellationToken);
        try
        {
            await using var sql = new NpgsqlCommand(
                "select cursorpage::bytea, continuation::bytea "
                    + "from documentdb_api.cursor_get_more($1, $2::documentdb_core.bson, $3::documentdb_core.bson)",
                connection
            );
            sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
            sql.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = command.ToBson() });
            sql.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = cursor.Continuation });
            await using var reader = await sql.ExecuteReaderAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            var page = reader.GetFieldValue<byte[]>(0);
            var exhausted = reader.IsDBNull(1);
            if (!exhausted)
                cursor.Continuation = reader.GetFieldValue<byte[]>(1);
            await reader.DisposeAsync();
            if (exhausted)
                await CloseAsync(id);
            return page;
        }
        finally
        {
            if (cursor.Portal is null)
                await connection.DisposeAsync();
        }
    }

    public async Task<BsonDocument> KillAsync(BsonDocument command)
    {
        var ids = command["cursors"].AsBsonArray;
        foreach (var id in ids)
            await CloseAsync(id.ToInt64());
        return new BsonDocument
        {
            { "cursorsKilled", ids },
            { "cursorsNotFound", new BsonArray() },
            { "cursorsAlive", new BsonArray() },
            { "cursorsUnknown", new BsonArray() },
            { "ok", 1.0 },
        };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var id in _mine)
            await CloseAsync(id);
    }

    private static async Task CloseAsync(long id)
    {
        if (Open.TryRemove(id, out var cursor))
            await cursor.DisposeAsync();
    }
}
