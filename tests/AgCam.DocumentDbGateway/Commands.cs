using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using Npgsql;
using NpgsqlTypes;

namespace AgCam.DocumentDbGateway;

/// <summary>
/// Answers the commands of one client connection. Commands with a function in the extension are passed to it as BSON, and its reply is
/// returned unchanged. Handshake commands are answered here. There are no sessions and transactions, and every login is accepted.
/// </summary>
internal sealed class Commands(NpgsqlDataSource database) : IAsyncDisposable
{
    private const string Bson = "documentdb_core.bson",
        Sequence = "documentdb_core.bsonsequence";
    private const string Version = "7.0.0"; // the MongoDB version of maxWireVersion 21

    // Fields that the driver adds for a cluster, and options that the extension does not accept.
    private static readonly string[] Envelope =
    [
        "$db",
        "lsid",
        "$clusterTime",
        "$readPreference",
        "txnNumber",
        "apiVersion",
        "apiStrict",
        "apiDeprecationErrors",
        "readConcern",
        "writeConcern",
        "commitQuorum",
    ];

    private readonly Cursors _cursors = new(database);

    /// <returns>The reply, a BSON document.</returns>
    public async Task<ReadOnlyMemory<byte>> RunAsync(WireMessage message, CancellationToken cancellationToken)
    {
        var name = message.Command.GetElement(0).Name;
        var db = message.Command.GetValue("$db", "test").AsString;
        var command = new BsonDocument(message.Command.Where(element => !Envelope.Contains(element.Name)));
        return name switch
        {
            "insert" or "update" or "delete" => await WriteAsync(name, db, command, message.Sequence, cancellationToken),
            "findAndModify" or "findandmodify" => WithoutPackedCodes(
                await CallAsync("(documentdb_api.find_and_modify(db, command)).p_result", db, command, cancellationToken),
                out _
            ),
            "find" => await _cursors.FirstAsync("find", db, command, cancellationToken),
            "aggregate" when command.GetValue("explain", false).ToBoolean() => await ExplainAsync(db, command, cancellationToken),
            "aggregate" => await _cursors.FirstAsync("aggregate", db, command, cancellationToken),
            "listCollections" => await _cursors.FirstAsync("list_collections", db, command, cancellationToken),
            "listIndexes" => await _cursors.FirstAsync("list_indexes", db, command, cancellationToken),
            "getMore" => await _cursors.MoreAsync(db, command, cancellationToken),
            "killCursors" => (await _cursors.KillAsync(command)).ToBson(),
            "count" => await CallAsync("documentdb_api.count_query(db, command)", db, command, cancellationToken),
            "distinct" => await CallAsync("documentdb_api.distinct_query(db, command)", db, command, cancellationToken),
            "explain" => await ExplainAsync(db, command["explain"].AsBsonDocument, cancellationToken),
            "createIndexes" => WithoutRaw(
                await CallAsync("documentdb_api_internal.create_indexes_non_concurrently(db, command)", db, command, cancellationToken)
            ),
            "dropIndexes" => WithoutRaw(
                await CallAsync("documentdb_api_internal.drop_indexes_non_concurrently(db, command)", db, command, cancellationToken)
            ),
            "create" => await CallAsync("documentdb_api.create_collection_view(db, command)", db, command, cancellationToken),
            "collMod" => await CallAsync($"documentdb_api.coll_mod(db, {Literal(command[0])}, command)", db, command, cancellationToken),
            "collStats" => await CallAsync($"documentdb_api.coll_stats(db, {Literal(command[0])})", db, command, cancellationToken),
            "dbStats" => await CallAsync("documentdb_api.db_stats(db)", db, command, cancellationToken),
            "validate" => await CallAsync("documentdb_api.validate(db, command)", db, command, cancellationToken),
            "listDatabases" => await CallAsync("documentdb_api.list_databases(command)", db, command, cancellationToken),
            "renameCollection" => await CallAsync("documentdb_api.rename_collection(command)", db, command, cancellationToken),
            "drop" => await DropAsync(db, command, cancellationToken),
            "dropDatabase" => await DropDatabaseAsync(db, cancellationToken),
            _ => Handshake(name).ToBson(),
        };
    }

    public ValueTask DisposeAsync() => _cursors.DisposeAsync();

    private static BsonDocument Handshake(string name) =>
        name switch
        {
            // Without logicalSessionTimeoutMinutes the driver uses no sessions, transactions or retryable writes.
            "hello" or "isMaster" or "ismaster" => new BsonDocument
            {
                { name == "hello" ? "isWritablePrimary" : "ismaster", true },
                { "helloOk", true },
                { "readOnly", false },
                { "maxBsonObjectSize", 16 * 1024 * 1024 },
                { "maxMessageSizeBytes", 48_000_000 },
                { "maxWriteBatchSize", 25_000 },
                { "minWireVersion", 0 },
                { "maxWireVersion", 21 },
                { "localTime", DateTime.UtcNow },
                { "ok", 1.0 },
            },
            "buildInfo" or "buildinfo" => new BsonDocument
            {
                { "version", Version },
                {
                    "versionArray",
                    new BsonArray { 7, 0, 0, 0 }
                },
                { "ok", 1.0 },
            },
            "serverStatus" => new BsonDocument
            {
                { "process", "AgCam.DocumentDbGateway" },
                { "version", Version },
                { "pid", Environment.ProcessId },
                { "ok", 1.0 },
            },
            // Every login is accepted: the proxy that terminates TLS checks a client certificate.
            "authenticate" => new BsonDocument("ok", 1.0),
            "getParameter" or "ping" or "endSessions" or "connectionStatus" => new BsonDocument("ok", 1.0),
            _ => throw new BadCommandException(
                ErrorCodes.CommandNotFound,
                $"no such command: '{name}'; the test gateway does not have it."
            ),
        };

    // The extension runs a batch as one transaction and catches errors per document. Overlapping batches can deadlock, which mongod never
    // does and no client expects. So a reply with a deadlock is rolled back, and the caller retries.
    private async Task<byte[]> WriteAsync(
        string name,
        string db,
        BsonDocument command,
        ReadOnlyMemory<byte> sequence,
        CancellationToken cancellationToken
    )
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var sql = new NpgsqlCommand(
            $"select p_result::bytea from documentdb_api.{name}($1, $2::{Bson}, $3::{Sequence})",
            connection
        );
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
        sql.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = command.ToBson() });
        sql.Parameters.Add(new NpgsqlParameter { Value = sequence.IsEmpty ? DBNull.Value : sequence, NpgsqlDbType = NpgsqlDbType.Bytea });
        var reply = WithoutPackedCodes((byte[])(await sql.ExecuteScalarAsync(cancellationToken))!, out var conflict);
        if (conflict)
            throw new WriteConflictException();
        await transaction.CommitAsync(cancellationToken);
        return reply;
    }

    /// <summary>Evaluates an expression with <c>db</c>, the database's name, and <c>command</c>. Its value is the reply.</summary>
    private async Task<byte[]> CallAsync(string expression, string db, BsonDocument command, CancellationToken cancellationToken)
    {
        await using var sql = database.CreateCommand(
            $"select ({expression})::bytea from (select $1::text as db, $2::{Bson} as command) as given"
        );
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
        sql.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = command.ToBson() });
        return (byte[])(await sql.ExecuteScalarAsync(cancellationToken))!;
    }

    private async Task<byte[]> DropAsync(string db, BsonDocument command, CancellationToken cancellationToken)
    {
        await using var sql = database.CreateCommand("select documentdb_api.drop_collection($1, $2)");
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = command[0].AsString });
        var existed = (bool)(await sql.ExecuteScalarAsync(cancellationToken))!;
        return (existed ? new BsonDocument("ok", 1.0) : ErrorCodes.Reply(26, "ns not found")).ToBson();
    }

    private async Task<byte[]> DropDatabaseAsync(string db, CancellationToken cancellationToken)
    {
        await using var sql = database.CreateCommand("select documentdb_api.drop_database($1)");
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
        await sql.ExecuteNonQueryAsync(cancellationToken);
        return new BsonDocument { { "dropped", db }, { "ok", 1.0 } }.ToBson();
    }

    /// <summary>Returns PostgreSQL's plan as JSON in <c>queryPlanner.winningPlan</c>.</summary>
    private async Task<byte[]> ExplainAsync(string db, BsonDocument command, CancellationToken cancellationToken)
    {
        command = new BsonDocument(command.Where(element => !Envelope.Contains(element.Name) && element.Name != "explain"));
        var function = command.GetElement(0).Name switch
        {
            "find" => "find",
            "aggregate" => "pipeline",
            "count" => "count",
            "distinct" => "distinct",
            var other => throw new BadCommandException(ErrorCodes.BadValue, $"explain of '{other}' is not supported by the test gateway."),
        };
        await using var sql = database.CreateCommand(
            $"explain (analyze, format json) select document from documentdb_api_catalog.bson_aggregation_{function}($1, $2::{Bson})"
        );
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
        sql.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = command.ToBson() });
        var plan = BsonSerializer.Deserialize<BsonArray>((string)(await sql.ExecuteScalarAsync(cancellationToken))!);
        return new BsonDocument
        {
            { "queryPlanner", new BsonDocument("winningPlan", plan[0]) },
            { "command", command },
            { "ok", 1.0 },
        }.ToBson();
    }

    private static string Literal(BsonValue collection) => $"'{collection.AsString.Replace("'", "''")}'";

    private static byte[] WithoutPackedCodes(byte[] bytes, out bool conflict)
    {
        conflict = false;
        if (bytes.AsSpan().IndexOf("code"u8) < 0)
            return bytes;
        var reply = BsonSerializer.Deserialize<BsonDocument>(bytes);
        foreach (var error in reply.GetValue("writeErrors", new BsonArray()).AsBsonArray.OfType<BsonDocument>().Append(reply))
        {
            if (!error.TryGetValue("code", out var code))
                continue;
            error["code"] = ErrorCodes.FromPacked(code.ToInt32());
            conflict |= error["code"] == ErrorCodes.WriteConflict;
        }
        return reply.ToBson();
    }

    // The extension answers per shard in `raw`. The driver expects the plain reply.
    private static byte[] WithoutRaw(byte[] bytes)
    {
        var reply = BsonSerializer.Deserialize<BsonDocument>(bytes);
        if (reply.TryGetValue("raw", out var raw))
        {
            reply.Remove("raw");
            if (raw.AsBsonDocument.Elements.FirstOrDefault().Value is BsonDocument shard)
                foreach (var element in shard)
                    reply[element.Name] = element.Value;
        }
        if (reply.TryGetValue("code", out var code))
            reply["code"] = ErrorCodes.FromPacked(code.ToInt32());
        return reply.ToBson();
    }
}
