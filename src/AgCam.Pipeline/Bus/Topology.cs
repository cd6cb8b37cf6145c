using RabbitMQ.Client;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// Declares exchanges and queues, from whichever side starts first: a request that is published before any worker has ever started must find its queue,
/// or the broker would confirm it and throw it away.
/// </summary>
internal sealed class Topology(Uri broker, BusNames names)
{
    public async Task DeclareAsync(CancellationToken cancel)
    {
        var factory = new ConnectionFactory { Uri = broker, RequestedConnectionTimeout = TimeSpan.FromSeconds(10), AutomaticRecoveryEnabled = false };
        await using var connection = await factory.CreateConnectionAsync("agcam topology", cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancel);
        await DeclareQueueAsync(channel, names.Dead, [], cancel);
        foreach (var name in new[] { names.Bulk, names.Interactive, names.Intake })
            await DeclareQueueAsync(channel, name, names.QueueArguments.ToDictionary(argument => argument.Key, argument => (object?)argument.Value), cancel);
        await channel.ExchangeDeclareAsync(names.Events, ExchangeType.Fanout, durable: true, cancellationToken: cancel);
        await channel.CloseAsync(cancel);
        await connection.CloseAsync(cancel);
    }

    /// <summary>With all that is in them.</summary>
    public async Task RemoveAsync(CancellationToken cancel)
    {
        var factory = new ConnectionFactory { Uri = broker, RequestedConnectionTimeout = TimeSpan.FromSeconds(10), AutomaticRecoveryEnabled = false };
        await using var connection = await factory.CreateConnectionAsync("agcam topology", cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancel);
        foreach (var name in new[] { names.Bulk, names.Interactive, names.Intake, names.Dead, $"{names.Bulk}_error", $"{names.Interactive}_error", $"{names.Intake}_error", names.Events })
        {
            await channel.QueueDeleteAsync(name, ifUnused: false, ifEmpty: false, cancellationToken: cancel);
            await channel.ExchangeDeleteAsync(name, cancellationToken: cancel);
        }
    }

    private static async Task DeclareQueueAsync(IChannel channel, string name, Dictionary<string, object?> arguments, CancellationToken cancel)
    {
        await channel.ExchangeDeclareAsync(name, ExchangeType.Fanout, durable: true, cancellationToken: cancel);
        arguments["x-queue-type"] = "quorum";
        await channel.QueueDeclareAsync(name, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: cancel);
        await channel.QueueBindAsync(name, name, "", cancellationToken: cancel);
    }
}
