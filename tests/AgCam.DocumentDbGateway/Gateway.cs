using System.Net;
using System.Net.Sockets;
using MongoDB.Bson;
using Npgsql;

namespace AgCam.DocumentDbGateway;

/// <summary>Accepts connections; each is served by one loop that reads a message, runs its command and writes the reply.</summary>
internal static class Gateway
{
    private const int MostAttempts = 25;
    private static readonly SemaphoreSlim SecondAttempts = new(1);

    public static async Task Serve(IPEndPoint endpoint, string postgres, CancellationToken stop)
    {
        var settings = new NpgsqlConnectionStringBuilder(postgres)
        {
            MaxPoolSize = 150,
            MaxAutoPrepare = 64,
            AutoPrepareMinUsages = 2,
            CommandTimeout = 600,
            Timeout = 10,
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
        try
        {
            return await RunUntilSettled(commands, message, stop);
        }
        catch (PostgresException failure) when (!ErrorCodes.MeansServerIsAway(failure.SqlState))
        {
            return ErrorCodes.Reply(failure).ToBson();
        }
        catch (WriteConflictException failure)
        {
            return ErrorCodes.Reply(ErrorCodes.WriteConflict, failure.Message).ToBson();
        }
        catch (BadCommandException failure)
        {
            return ErrorCodes.Reply(failure.Code, failure.Message).ToBson();
        }
    }

    // A command that conflicted was rolled back as a whole, so it may run again: in single file, or such commands would deadlock again.
    private static async Task<ReadOnlyMemory<byte>> RunUntilSettled(Commands commands, WireMessage message, CancellationToken stop)
    {
        try
        {
            return await commands.Run(message, stop);
        }
        catch (Exception failure) when (IsConflict(failure))
        {
        }
        await SecondAttempts.WaitAsync(stop);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    return await commands.Run(message, stop);
                }
                catch (Exception failure) when (IsConflict(failure) && attempt < MostAttempts)
                {
                }
            }
        }
        finally
        {
            SecondAttempts.Release();
        }
    }

    private static bool IsConflict(Exception failure) =>
        failure is WriteConflictException || failure is PostgresException postgres && ErrorCodes.MeansTryAgain(postgres.SqlState);
}
