using System.Net;
using System.Net.Sockets;
using MongoDB.Bson;
using Npgsql;

namespace AgCam.DocumentDbGateway;

/// <summary>Accepts connections. One loop per connection reads a message, runs its command and writes the reply.</summary>
internal static class Gateway
{
    private const int MostAttempts = 25;
    private static readonly SemaphoreSlim SecondAttempts = new(1);

    public static async Task ServeAsync(IPEndPoint endpoint, string postgres, CancellationToken cancellationToken)
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
                var client = await listener.AcceptTcpClientAsync(cancellationToken);
                _ = Task.Run(() => ConverseAsync(client, database, cancellationToken), CancellationToken.None);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested) { }
    }

    private static async Task ConverseAsync(TcpClient client, NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        using var _ = client;
        client.NoDelay = true;
        var stream = client.GetStream();
        await using var commands = new Commands(database);
        try
        {
            while (await WireMessage.ReadAsync(stream, cancellationToken) is { } message)
            {
                var reply = await AnswerAsync(commands, message, cancellationToken);
                if (message.WantsReply)
                    await message.ReplyAsync(stream, reply, cancellationToken);
            }
        }
        catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client has disconnected, or the gateway stops.
        }
        catch (Exception failure)
        {
            // The connection is closed, so an unavailable database looks like an unavailable mongod.
            Console.WriteLine($"{DateTime.UtcNow:O} connection closed: {failure.GetType().Name}: {failure.Message}");
        }
    }

    private static async Task<ReadOnlyMemory<byte>> AnswerAsync(Commands commands, WireMessage message, CancellationToken cancellationToken)
    {
        try
        {
            return await RunUntilSettledAsync(commands, message, cancellationToken);
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

    // A conflicting command was rolled back completely and is retried. Retries run one at a time, or they would deadlock again.
    private static async Task<ReadOnlyMemory<byte>> RunUntilSettledAsync(
        Commands commands,
        WireMessage message,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await commands.RunAsync(message, cancellationToken);
        }
        catch (Exception failure) when (IsConflict(failure)) { }
        await SecondAttempts.WaitAsync(cancellationToken);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    return await commands.RunAsync(message, cancellationToken);
                }
                catch (Exception failure) when (IsConflict(failure) && attempt < MostAttempts) { }
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
