using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using Npgsql;
using NpgsqlTypes;

namespace AgCam.DocumentDbGateway;

/// <summary>
/// The commands of one client connection. What the extension has a function for is handed to it as BSON, and its BSON reply goes back
/// untouched; the handshake and its like are answered here. Sessions, transactions and authentication are not offered.
/// </summary>
internal sealed class Commands(NpgsqlDataSource database) : IAsyncDisposable
{
    private const string Bson = "documentdb_core.bson", Sequence = "documentdb_core.bsonsequence";

    // What the driver adds for a cluster, and options the extension does not take.
    private static readonly string[] Envelope =
        ["$db", "lsid", "$clusterTime", "$readPreference", "txnNumber", "apiVersion", "apiStrict", "apiDeprecationErrors", "readConcern", "writeConcern", "commitQuorum"];

    private readonly Cursors _cursors = new(database);

    /// <returns>The reply, a BSON document.</returns>
    public async Task<ReadOnlyMemory<byte>> Run(WireMessage message, CancellationToken stop)
    {
        var name = message.Command.GetElement(0).Name;
        var db = message.Command.GetValue("$db", "test").AsString;
        var command = new BsonDocument(message.Command.Where(element => !Envelope.Contains(element.Name)));
        return name switch
        {
            "insert" or "update" or "delete" => await Write(name, db, command, message.Sequence, stop),
            "findAndModify" or "findandmodify" => WithoutPackedCodes(await Call("select p_result::bytea from documentdb_api.find_and_modify($1, $2::" + Bson + ")", db, command, stop), out _),
            "find" => await _cursors.First("find", db, command, stop),
            "aggregate" when command.GetValue("explain", false).ToBoolean() => await Explain(db, command, stop),
            "aggregate" => await _cursors.First("aggregate", db, command, stop),
            "listCollections" => await _cursors.First("list_collections", db, command, stop),
            "listIndexes" => await _cursors.First("list_indexes", db, command, stop),
            "getMore" => await _cursors.More(db, command, stop),
            "killCursors" => (await _cursors.Kill(command)).ToBson(),
            "count" => await Call("select document::bytea from documentdb_api.count_query($1, $2::" + Bson + ")", db, command, stop),
            "distinct" => await Call("select document::bytea from documentdb_api.distinct_query($1, $2::" + Bson + ")", db, command, stop),
            "explain" => await Explain(db, command["explain"].AsBsonDocument, stop),
            "createIndexes" => WithoutRaw(await Call("select documentdb_api_internal.create_indexes_non_concurrently($1, $2::" + Bson + ")::bytea", db, command, stop)),
            "dropIndexes" or "deleteIndexes" => WithoutRaw(await Call("select documentdb_api_internal.drop_indexes_non_concurrently($1, $2::" + Bson + ")::bytea", db, command, stop)),
            "create" => await Call("select documentdb_api.create_collection_view($1, $2::" + Bson + ")::bytea", db, command, stop),
            "collMod" => await Call($"select documentdb_api.coll_mod($1, '{Quoted(command)}', $2::{Bson})::bytea", db, command, stop),
            "drop" => await Drop(db, command, stop),
            "dropDatabase" => await DropDatabase(db, stop),
            "renameCollection" => await Call("select documentdb_api.rename_collection($2::" + Bson + ")::bytea where $1 <> ''", db, command, stop),
            "listDatabases" => await Call("select documentdb_api.list_databases($2::" + Bson + ")::bytea where $1 <> ''", db, command, stop),
            "collStats" => await Call($"select documentdb_api.coll_stats($1, '{Quoted(command)}')::bytea where $2 is not null", db, command, stop),
            "dbStats" => await Call("select documentdb_api.db_stats($1)::bytea where $2 is not null", db, command, stop),
            "validate" => await Call("select document::bytea from documentdb_api.validate($1, $2::" + Bson + ")", db, command, stop),
            _ => Handshake(name).ToBson(),
        };
    }

    public ValueTask DisposeAsync() => _cursors.DisposeAsync();

    private static BsonDocument Handshake(string name) => name switch
    {
        // No logicalSessionTimeoutMinutes: the driver then asks for no sessions, transactions or retryable writes.
        "hello" or "isMaster" or "ismaster" => new BsonDocument
        {
            { name == "hello" ? "isWritablePrimary" : "ismaster", true }, { "helloOk", true }, { "maxBsonObjectSize", 16 * 1024 * 1024 }, { "maxMessageSizeBytes", 48_000_000 },
            { "maxWriteBatchSize", 25_000 }, { "localTime", DateTime.UtcNow }, { "minWireVersion", 0 }, { "maxWireVersion", 21 }, { "readOnly", false }, { "ok", 1.0 },
        },
        "buildInfo" or "buildinfo" => new BsonDocument { { "version", "7.0.0" }, { "versionArray", new BsonArray { 7, 0, 0, 0 } }, { "modules", new BsonArray() }, { "ok", 1.0 } },
        "serverStatus" => new BsonDocument { { "host", Environment.MachineName }, { "version", "7.0.0" }, { "process", "AgCam.DocumentDbGateway" }, { "pid", Environment.ProcessId }, { "ok", 1.0 } },
        "getParameter" or "ping" or "endSessions" or "connectionStatus" => new BsonDocument("ok", 1.0),
        _ => throw new BadCommandException(ErrorCodes.CommandNotFound, $"no such command: '{name}'; the test gateway does not have it."),
    };

    // The extension takes a batch as one transaction and catches errors document by document: batches that overlap can deadlock, which
    // no mongod does and no client expects. So nothing is committed until the reply is seen to be free of it; the caller tries again.
    private async Task<byte[]> Write(string name, string db, BsonDocument command, ReadOnlyMemory<byte> sequence, CancellationToken stop)
    {
        await using var connection = await database.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);
        await using var sql = new NpgsqlCommand($"select p_result::bytea from documentdb_api.{name}($1, $2::{Bson}, $3::{Sequence})", connection);
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
        sql.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = command.ToBson() });
        sql.Parameters.Add(new NpgsqlParameter { Value = sequence.IsEmpty ? DBNull.Value : sequence, NpgsqlDbType = NpgsqlDbType.Bytea });
        var reply = WithoutPackedCodes((byte[])(await sql.ExecuteScalarAsync(stop))!, out var conflict);
        if (conflict) throw new WriteConflictException();
        await transaction.CommitAsync(stop);
        return reply;
    }

    private async Task<byte[]> Call(string text, string db, BsonDocument command, CancellationToken stop)
    {
        await using var sql = database.CreateCommand(text);
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
        sql.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = command.ToBson() });
        return await sql.ExecuteScalarAsync(stop) as byte[] ?? new BsonDocument("ok", 1.0).ToBson();
    }

    private async Task<byte[]> Drop(string db, BsonDocument command, CancellationToken stop)
    {
        await using var sql = database.CreateCommand("select documentdb_api.drop_collection($1, $2)");
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = command[0].AsString });
        var existed = (bool)(await sql.ExecuteScalarAsync(stop))!;
        return (existed ? new BsonDocument("ok", 1.0) : ErrorCodes.Reply(26, "ns not found")).ToBson();
    }

    private async Task<byte[]> DropDatabase(string db, CancellationToken stop)
    {
        await using var sql = database.CreateCommand("select documentdb_api.drop_database($1)");
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
        await sql.ExecuteNonQueryAsync(stop);
        return new BsonDocument { { "dropped", db }, { "ok", 1.0 } }.ToBson();
    }

    /// <summary>PostgreSQL's own plan, as JSON, under <c>queryPlanner.winningPlan</c>.</summary>
    private async Task<byte[]> Explain(string db, BsonDocument command, CancellationToken stop)
    {
        command = new BsonDocument(command.Where(element => !Envelope.Contains(element.Name) && element.Name != "explain"));
        var function = command.GetElement(0).Name switch
        {
            "find" => "find", "aggregate" => "pipeline", "count" => "count", "distinct" => "distinct",
            var other => throw new BadCommandException(ErrorCodes.BadValue, $"explain of '{other}' is not supported by the test gateway."),
        };
        await using var sql = database.CreateCommand(
            $"explain (analyze, format json) select document from documentdb_api_catalog.bson_aggregation_{function}($1, $2::{Bson})");
        sql.Parameters.Add(new NpgsqlParameter<string> { TypedValue = db });
        sql.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = command.ToBson() });
        var plan = BsonSerializer.Deserialize<BsonArray>((string)(await sql.ExecuteScalarAsync(stop))!);
        return new BsonDocument { { "queryPlanner", new BsonDocument("winningPlan", plan[0]) }, { "command", command }, { "ok", 1.0 } }.ToBson();
    }

    private static string Quoted(BsonDocument command) => command[0].AsString.Replace("'", "''");

    private static byte[] WithoutPackedCodes(byte[] bytes, out bool conflict)
    {
        conflict = false;
        if (bytes.AsSpan().IndexOf("code"u8) < 0) return bytes;
        var reply = BsonSerializer.Deserialize<BsonDocument>(bytes);
        foreach (var error in reply.GetValue("writeErrors", new BsonArray()).AsBsonArray.OfType<BsonDocument>().Append(reply))
        {
            if (!error.TryGetValue("code", out var code)) continue;
            error["code"] = ErrorCodes.FromPacked(code.ToInt32());
            conflict |= error["code"] == ErrorCodes.WriteConflict;
        }
        return reply.ToBson();
    }

    // The extension answers per shard under `raw`; the driver wants the plain reply.
    private static byte[] WithoutRaw(byte[] bytes)
    {
        var reply = BsonSerializer.Deserialize<BsonDocument>(bytes);
        if (reply.TryGetValue("raw", out var raw))
        {
            reply.Remove("raw");
            if (raw.AsBsonDocument.Elements.FirstOrDefault().Value is BsonDocument shard)
                foreach (var element in shard) reply[element.Name] = element.Value;
        }
        if (reply.TryGetValue("code", out var code)) reply["code"] = ErrorCodes.FromPacked(code.ToInt32());
        return reply.ToBson();
    }
}
