using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// Declares exchanges and queues, from whichever side starts first: a request that is published before any worker has ever started must find its queue,
/// or the broker would confirm it and throw it away. Or, where another hand declares them, looks whether they are there.
/// </summary>
internal sealed class Topology(BrokerAddress broker, BusNames names)
{
    public BusPlan Plan { get; } = BusPlan.Of(names);

    public async Task DeclareAsync(CancellationToken cancel)
    {
        await using var connection = await broker.Factory().CreateConnectionAsync("agcam topology", cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancel);
        foreach (var exchange in Plan.Exchanges)
            await channel.ExchangeDeclareAsync(exchange, ExchangeType.Fanout, durable: true, cancellationToken: cancel);
        foreach (var queue in Plan.Queues)
        {
            await channel.QueueDeclareAsync(
                queue.Name, durable: true, exclusive: false, autoDelete: false, queue.Arguments.ToDictionary(argument => argument.Key, argument => (object?)argument.Value), cancellationToken: cancel);
            await channel.QueueBindAsync(queue.Name, queue.Name, "", cancellationToken: cancel);
        }
        await channel.CloseAsync(cancel);
        await connection.CloseAsync(cancel);
    }

    /// <summary>Asks by name only, which every user may.</summary>
    /// <returns>A sentence for each exchange and queue that is not there.</returns>
    public async Task<IReadOnlyList<string>> MissingAsync(CancellationToken cancel)
    {
        await using var connection = await broker.Factory().CreateConnectionAsync("agcam topology", cancel);
        var missing = new List<string>();
        foreach (var exchange in Plan.Exchanges)
            if (!await IsThereAsync(connection, channel => channel.ExchangeDeclarePassiveAsync(exchange, cancel), cancel))
                missing.Add($"Exchange {exchange} is missing.");
        foreach (var queue in Plan.Queues)
            if (!await IsThereAsync(connection, channel => channel.QueueDeclarePassiveAsync(queue.Name, cancel), cancel))
                missing.Add($"Queue {queue.Name} is missing.");
        await connection.CloseAsync(cancel);
        return missing;
    }

    /// <exception cref="BusException">The user may not make a queue to hear events from.</exception>
    public async Task TryHearingAsync(CancellationToken cancel)
    {
        await using var connection = await broker.Factory().CreateConnectionAsync("agcam topology", cancel);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancel);
        var name = $"{names.Heard}-{Guid.NewGuid():N}";
        try
        {
            await channel.QueueDeclareAsync(name, durable: false, exclusive: true, autoDelete: true, cancellationToken: cancel);
        }
        catch (OperationInterruptedException refused) when (refused.ShutdownReason?.ReplyCode == Constants.AccessRefused)
        {
            throw new OptionsException($"{broker.User} may not make the temporary queue that events are heard from. Grant configure, write and read on ^{names.Heard}-, or set Pipeline:HearEvents to false.");
        }
        await connection.CloseAsync(cancel);
    }

    /// <summary>On a channel of its own, since the broker closes it when the answer is no.</summary>
    private static async Task<bool> IsThereAsync(IConnection connection, Func<IChannel, Task> ask, CancellationToken cancel)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancel);
        try
        {
            await ask(channel);
            return true;
        }
        catch (OperationInterruptedException no) when (no.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            return false;
        }
    }
}
