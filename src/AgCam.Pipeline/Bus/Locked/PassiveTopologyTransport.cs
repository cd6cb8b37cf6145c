using System.Text.Json;
using System.Text.Json.Nodes;
using MassTransit;
using MassTransit.Serialization;
using RabbitMQ.Client;

namespace AgCam.Pipeline.Bus.Locked;

/// <summary>
/// Sends for a user without configure permission, since MassTransit declares every exchange that it sends to.
/// The messages are the same as MassTransit's, each confirmed by the broker.
/// </summary>
internal sealed class PassiveTopologyTransport(BrokerAddress broker, PipelineOptions options) : IBrokerTransport, IAsyncDisposable
{
    private readonly SemaphoreSlim _opening = new(1);
    private IConnection? _connection;
    private IChannel? _channel;

    public async Task SendAsync<T>(string exchange, T message, Guid id, bool mandatory, CancellationToken cancellationToken)
        where T : class
    {
        var body = Envelope(message, id);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(options.ConfirmSeconds));
        try
        {
            var channel = await OpenAsync(limit.Token);
            var properties = new BasicProperties
            {
                Persistent = true,
                MessageId = id.ToString(),
                ContentType = "application/vnd.masstransit+json",
                Headers = TraceHeaders.Current(),
            };
            await channel.BasicPublishAsync(exchange, "", mandatory, properties, body, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"No confirm within {options.ConfirmSeconds} s.");
        }
    }

    /// <summary>Opens the channel, again after a lost connection.</summary>
    private async Task<IChannel> OpenAsync(CancellationToken cancellationToken)
    {
        await _opening.WaitAsync(cancellationToken);
        try
        {
            if (_channel is { IsOpen: true } open)
                return open;
            await CloseAsync();
            _connection = await broker.Factory().CreateConnectionAsync("agcam sends", cancellationToken);
            return _channel = await _connection.CreateChannelAsync(
                new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true),
                cancellationToken
            );
        }
        finally
        {
            _opening.Release();
        }
    }

    private static byte[] Envelope<T>(T message, Guid id)
        where T : class =>
        JsonSerializer.SerializeToUtf8Bytes(
            new JsonObject
            {
                ["messageId"] = id,
                ["messageType"] = new JsonArray(MessageUrn.ForTypeString<T>()),
                ["message"] = JsonSerializer.SerializeToNode(message, SystemTextJsonMessageSerializer.Options),
            }
        );

    private async Task CloseAsync()
    {
        if (_channel is { } channel)
            await channel.DisposeAsync();
        if (_connection is { } connection)
            await connection.DisposeAsync();
        (_channel, _connection) = (null, null);
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _opening.Dispose();
    }
}
