using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// Declares exchanges and queues, or looks for those that the operator declared. API and worker both declare them:
/// the broker confirms and drops a request that finds no queue.
/// </summary>
internal sealed class Topology(BrokerAddress broker, BusNames names)
{
    public BusPlan Plan { get; } = BusPlan.Of(names);

    public async Task DeclareAsync(CancellationToken cancellationToken)
    {
        await using var connection = await broker.Factory().CreateConnectionAsync("agcam topology", cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        foreach (var exchange in Plan.Exchanges)
            await channel.ExchangeDeclareAsync(exchange, ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken);
        foreach (var queue in Plan.Queues)
        {
            await channel.QueueDeclareAsync(
                queue.Name,
                durable: true,
                exclusive: false,
                autoDelete: false,
                queue.Arguments.ToDictionary(argument => argument.Key, argument => (object?)argument.Value),
                cancellationToken: cancellationToken
            );
            await channel.QueueBindAsync(queue.Name, queue.Name, "", cancellationToken: cancellationToken);
        }
        await channel.CloseAsync(cancellationToken);
        await connection.CloseAsync(cancellationToken);
    }

    /// <summary>Deletes the exchanges and queues, messages included.</summary>
    public async Task RemoveAsync(CancellationToken cancellationToken)
    {
        await using var connection = await broker.Factory().CreateConnectionAsync("agcam topology", cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        foreach (var queue in Plan.Queues)
            await channel.QueueDeleteAsync(queue.Name, ifUnused: false, ifEmpty: false, cancellationToken: cancellationToken);
        foreach (var exchange in Plan.Exchanges)
            await channel.ExchangeDeleteAsync(exchange, cancellationToken: cancellationToken);
    }

    /// <summary>Looks for names only. RabbitMQ 4.3 asks for some permission on the name, earlier versions for none.</summary>
    public async Task<BusComparison> LookAsync(CancellationToken cancellationToken)
    {
        await using var connection = await broker.Factory().CreateConnectionAsync("agcam topology", cancellationToken);
        var (missing, unseen) = (new List<string>(), new List<string>());
        foreach (var exchange in Plan.Exchanges)
            await LookAsync($"Exchange {exchange}", channel => channel.ExchangeDeclarePassiveAsync(exchange, cancellationToken));
        foreach (var queue in Plan.Queues)
            await LookAsync($"Queue {queue.Name}", channel => channel.QueueDeclarePassiveAsync(queue.Name, cancellationToken));
        await connection.CloseAsync(cancellationToken);
        return new BusComparison([.. missing.Select(thing => $"{thing} is missing.")], unseen);

        // The broker closes the channel when it refuses, so each question has its own.
        async Task LookAsync(string thing, Func<IChannel, Task> ask)
        {
            await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
            try
            {
                await ask(channel);
            }
            catch (OperationInterruptedException no) when (no.ShutdownReason?.ReplyCode is Constants.NotFound or Constants.AccessRefused)
            {
                (no.ShutdownReason.ReplyCode == Constants.NotFound ? missing : unseen).Add(thing);
            }
        }
    }

    /// <exception cref="OptionsException">The user may not declare a queue for events.</exception>
    public async Task TrySubscribingAsync(CancellationToken cancellationToken)
    {
        await using var connection = await broker.Factory().CreateConnectionAsync("agcam topology", cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        var name = $"{names.EventSubscriber}-{Guid.NewGuid():N}";
        try
        {
            await channel.QueueDeclareAsync(name, durable: false, exclusive: true, autoDelete: true, cancellationToken: cancellationToken);
        }
        catch (OperationInterruptedException refused) when (refused.ShutdownReason?.ReplyCode == Constants.AccessRefused)
        {
            throw new OptionsException(
                $"{broker.User} may not declare the temporary queue for events. Grant configure, write and read on "
                    + $"^{names.EventSubscriber}-, or set Pipeline:SubscribeToEvents to false."
            );
        }
        await connection.CloseAsync(cancellationToken);
    }
}
