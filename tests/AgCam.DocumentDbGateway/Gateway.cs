using System.Net;
using System.Net.Sockets;
using MongoDB.Bson;
using Npgsql;

namespace AgCam.DocumentDbGateway;

/// <summary>Accepts connections; each is served by one loop that reads a message, runs its command and writes the reply.</summary>
internal static class Gateway
{
    public static async Task Serve(IPEndPoint endpoint, string postgres, CancellationToken stop)
    {
        var settings = new NpgsqlConnectionStringBuilder(postgres)
        {
            MaxPoolSize = 150, MaxAutoPrepare = 64, AutoPrepareMinUsages = 2, CommandTimeout = 600, Timeout = 10,
        };
        await using var database = NpgsqlDataSource.Create(settings);
        using var listener = new TcpListener(endpoint);
        listener.Start(backlog: 512);
        Console.WriteLine($"listening on {endpoint}");
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(stop);
                _ = Task.Run(() => Converse(client, database, stop), CancellationToken.None);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    private static async Task Converse(TcpClient client, NpgsqlDataSource database, CancellationToken stop)
    {
        using var _ = client;
        client.NoDelay = true;
        var stream = client.GetStream();
        await using var commands = new Commands(database);
        try
        {
            while (await WireMessage.Read(stream, stop) is { } message)
            {
                var reply = await Answer(commands, message, stop);
                if (message.WantsReply) await message.Reply(stream, reply, stop);
            }
        }
        catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client has gone, or we are stopping.
        }
        catch (Exception failure)
        {
            // A database that is away looks to the client like a mongod that is away: the connection breaks.
            Console.WriteLine($"{DateTime.UtcNow:O} connection closed: {failure.GetType().Name}: {failure.Message}");
        }
    }

    private static async Task<ReadOnlyMemory<byte>> Answer(Commands commands, WireMessage message, CancellationToken stop)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await commands.Run(message, stop);
            }
            catch (PostgresException failure) when (failure.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure && attempt < 8)
            {
                // PostgreSQL takes a whole batch as one transaction and rolled all of it back; mongod would never show this to a client.
                await Task.Delay(Random.Shared.Next(5, 20 * attempt), stop);
            }
            catch (PostgresException failure) when (!ErrorCodes.MeansServerIsAway(failure.SqlState))
            {
                return ErrorCodes.Reply(failure).ToBson();
            }
            catch (BadCommandException failure)
            {
                return ErrorCodes.Reply(failure.Code, failure.Message).ToBson();
            }
        }
    }
}
