using System.Net;
using System.Net.Sockets;
using AgCam.DocumentDbGateway;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using MongoDB.Driver;

namespace AgCam.Pipeline.Tests.Stores;

/// <summary>Server that forwards commands to another server and changes some of its answers.</summary>
internal sealed class AlteredMongo : IAsyncDisposable
{
    private static readonly string[] Envelope = ["$db", "lsid", "$clusterTime", "$readPreference", "txnNumber"];

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly MongoClient? _behind;
    private readonly Func<string, BsonDocument, BsonDocument> _alter;
    private readonly Task _serving;

    /// <param name="behind">Address of the other server; null to answer only the handshake.</param>
    /// <param name="alter">Changes an answer. Its arguments are the command's name and the answer of the other server.</param>
    public AlteredMongo(string? behind, Func<string, BsonDocument, BsonDocument> alter)
    {
        _behind = behind is null ? null : new MongoClient(behind);
        _alter = alter;
        _listener.Start();
        Uri = $"mongodb://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/?directConnection=true";
        _serving = ServeAsync();
    }

    public string Uri { get; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _serving;
        _behind?.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
                connections.Add(ServeClientAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeClientAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                while (await WireMessage.ReadAsync(stream, _stop.Token) is { } message)
                {
                    var answer = _alter(message.Command.GetElement(0).Name, await AnswerAsync(message));
                    if (message.WantsReply)
                        await message.ReplyAsync(stream, answer.ToBson(), _stop.Token);
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The client has disconnected, or the test is over.
            }
        }
    }

    private async Task<BsonDocument> AnswerAsync(WireMessage message)
    {
        switch (message.Command.GetElement(0).Name)
        {
            case "hello" or "isMaster" or "ismaster":
                return new BsonDocument
                {
                    { "isWritablePrimary", true },
                    { "ismaster", true },
                    { "helloOk", true },
                    { "readOnly", false },
                    { "maxBsonObjectSize", 16 * 1024 * 1024 },
                    { "maxMessageSizeBytes", 48_000_000 },
                    { "maxWriteBatchSize", 25_000 },
                    { "minWireVersion", 0 },
                    { "maxWireVersion", 21 },
                    { "localTime", DateTime.UtcNow },
                    { "ok", 1.0 },
                };
            case "endSessions":
                return new BsonDocument("ok", 1.0);
        }
        if (_behind is null)
            return new BsonDocument
            {
                { "ok", 0.0 },
                { "code", 59 },
                { "codeName", "CommandNotFound" },
                { "errmsg", "no such command" },
            };
        var command = new BsonDocument(message.Command.Where(element => !Envelope.Contains(element.Name)));
        if (!message.Sequence.IsEmpty)
        {
            var field = command.GetElement(0).Name switch
            {
                "insert" => "documents",
                "update" => "updates",
                _ => "deletes",
            };
            command.Add(field, Documents(message.Sequence.ToArray()));
        }
        try
        {
            return await _behind.GetDatabase(message.Command["$db"].AsString).RunCommandAsync<BsonDocument>(command, null, _stop.Token);
        }
        catch (MongoCommandException refused)
        {
            return refused.Result;
        }
    }

    private static BsonArray Documents(byte[] sequence)
    {
        var documents = new BsonArray();
        using var stream = new MemoryStream(sequence);
        while (stream.Position < stream.Length)
            documents.Add(BsonSerializer.Deserialize<BsonDocument>(stream));
        return documents;
    }
}
