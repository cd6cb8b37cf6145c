using System.Buffers.Binary;
using System.Text;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace AgCam.DocumentDbGateway;

/// <summary>
/// Request of MongoDB's wire protocol: OP_MSG, or the OP_QUERY of a driver's first handshake.
/// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
/// </summary>
internal sealed class WireMessage
{
    private const int OpReply = 1,
        OpQuery = 2004,
        OpMsg = 2013;
    private const int HeaderLength = 16,
        LongestMessage = 48_000_000;
    private const uint ChecksumPresent = 1,
        MoreToCome = 2;

    private readonly int _requestId;
    private readonly int _opCode;

    private WireMessage(int requestId, int opCode) => (_requestId, _opCode) = (requestId, opCode);

    public BsonDocument Command { get; private set; } = [];

    /// <summary>Documents of the command's kind 1 section, concatenated. Empty when there is none.</summary>
    public ReadOnlyMemory<byte> Sequence { get; private set; }

    /// <summary>Whether the client expects a reply. False for an unacknowledged write (w: 0).</summary>
    public bool WantsReply { get; private set; } = true;

    /// <returns>The next message, or null when the client has closed the connection.</returns>
    /// <exception cref="IOException">The bytes are not the wire protocol, or end within a message.</exception>
    public static async Task<WireMessage?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var header = new byte[HeaderLength];
        var read = await stream.ReadAtLeastAsync(header, HeaderLength, throwOnEndOfStream: false, cancellationToken);
        if (read == 0)
            return null;
        if (read < HeaderLength)
            throw new EndOfStreamException();
        var length = BinaryPrimitives.ReadInt32LittleEndian(header);
        if (length is < HeaderLength or > LongestMessage)
            throw new IOException($"A message of {length} bytes is not the MongoDB wire protocol.");
        var body = new byte[length - HeaderLength];
        await stream.ReadExactlyAsync(body, cancellationToken);
        var message = new WireMessage(
            BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4)),
            BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(12))
        );
        if (message._opCode == OpMsg)
            message.ParseMsg(body);
        else if (message._opCode == OpQuery)
            message.ParseQuery(body);
        else
            throw new IOException($"Operation code {message._opCode} is not supported; OP_MSG (2013) and OP_QUERY (2004) are.");
        return message;
    }

    /// <summary>Writes a BSON document as the answer to this message.</summary>
    public async Task ReplyAsync(Stream stream, ReadOnlyMemory<byte> document, CancellationToken cancellationToken)
    {
        var preamble = _opCode == OpMsg ? 5 : 20; // OP_MSG: flags, section kind. OP_REPLY: flags, cursor id, start, number returned.
        var bytes = new byte[HeaderLength + preamble + document.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), _requestId);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), _opCode == OpMsg ? OpMsg : OpReply);
        if (_opCode != OpMsg)
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(HeaderLength + 16), 1);
        document.CopyTo(bytes.AsMemory(HeaderLength + preamble));
        await stream.WriteAsync(bytes, cancellationToken);
    }

    private void ParseMsg(byte[] body)
    {
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(body);
        WantsReply = (flags & MoreToCome) == 0;
        var end = body.Length - ((flags & ChecksumPresent) != 0 ? 4 : 0);
        for (var at = 4; at < end; )
        {
            var kind = body[at++];
            var size = BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(at));
            if (size < 5 || size > end - at || kind > 1)
                throw new IOException($"An OP_MSG section of kind {kind} and {size} bytes is malformed.");
            if (kind == 0)
            {
                Command = BsonSerializer.Deserialize<BsonDocument>(new MemoryStream(body, at, size));
            }
            else
            {
                var name = body.AsSpan(at + 4, size - 4).IndexOf((byte)0);
                Sequence = body.AsMemory(at + 4 + name + 1, size - 4 - name - 1);
            }
            at += size;
        }
    }

    private void ParseQuery(byte[] body)
    {
        var name = body.AsSpan(4).IndexOf((byte)0); // flags, "database.$cmd", skip, number to return, the command
        var database = Encoding.UTF8.GetString(body, 4, name).Split('.')[0];
        var at = 4 + name + 1 + 8;
        Command = BsonSerializer.Deserialize<BsonDocument>(
            new MemoryStream(body, at, BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(at)))
        );
        Command["$db"] = database;
    }
}
