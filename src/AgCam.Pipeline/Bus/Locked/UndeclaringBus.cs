using System.Text.Json;
using System.Text.Json.Nodes;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Telemetry;
using MassTransit;
using MassTransit.Serialization;
using Polly;
using Polly.Retry;
using RabbitMQ.Client;

namespace AgCam.Pipeline.Bus.Locked;

/// <summary>
/// The sending half of the bus for a user without configure permission: MassTransit declares every exchange that it sends to. The messages are those that MassTransit
/// would send, on a channel of its own, each one confirmed.
/// </summary>
internal sealed class UndeclaringBus(BrokerAddress broker, BusNames names, PipelineOptions options) : IExplainBus, IAsyncDisposable
{
    private readonly SemaphoreSlim _opening = new(1);
    private IConnection? _connection;
    private IChannel? _channel;

    private readonly ResiliencePipeline _sending = new ResiliencePipelineBuilder()
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<Exception>(e => e is not OperationCanceledException and not OptionsException),
            MaxRetryAttempts = 4,
            Delay = TimeSpan.FromMilliseconds(200),
            MaxDelay = TimeSpan.FromSeconds(5),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .Build();

    public Task PublishAsync(ExplainImages message, CancellationToken cancel = default)
    {
        ExplainImagesRules.ThrowIfInvalid(message);
        return SendAsync(names.Of(message.Lane), message, RequestId.Of($"{message.Key}/{message.Epoch}"), mandatory: true, cancel);
    }

    public Task TellAsync(ChunkExplained told, CancellationToken cancel = default) =>
        SendAsync(names.Events, told, RequestId.Of($"explained/{told.Owner}/{told.Chunk}"), mandatory: false, cancel);

    public Task TellAsync(JobCompleted told, CancellationToken cancel = default) => SendAsync(names.Events, told, told.JobId, mandatory: false, cancel);

    private async Task SendAsync<T>(string exchange, T message, Guid id, bool mandatory, CancellationToken cancel)
        where T : class
    {
        var body = Envelope(message, id);
        try
        {
            using var activity = TraceHeaders.Send(exchange);
            await _sending.ExecuteAsync(async token => await AttemptAsync(exchange, body, id, mandatory, token), cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            throw new BusException($"The broker did not confirm a message to {exchange}: {e.Message} It may or may not have arrived; publish it again.", e);
        }
    }

    private async Task AttemptAsync(string exchange, byte[] body, Guid id, bool mandatory, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
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
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"No confirm within {options.ConfirmSeconds} s.");
        }
    }

    /// <summary>Opened anew after a loss.</summary>
    private async Task<IChannel> OpenAsync(CancellationToken cancel)
    {
        await _opening.WaitAsync(cancel);
        try
        {
            if (_channel is { IsOpen: true } open)
                return open;
            await CloseAsync();
            _connection = await broker.Factory().CreateConnectionAsync("agcam sends", cancel);
            return _channel = await _connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancel);
        }
        finally
        {
            _opening.Release();
        }
    }

    private static byte[] Envelope<T>(T message, Guid id)
        where T : class => JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["messageId"] = id,
            ["messageType"] = new JsonArray(MessageUrn.ForTypeString<T>()),
            ["message"] = JsonSerializer.SerializeToNode(message, SystemTextJsonMessageSerializer.Options),
        });

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
