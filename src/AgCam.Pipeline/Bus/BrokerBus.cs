using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Telemetry;
using Polly;
using Polly.Retry;

namespace AgCam.Pipeline.Bus;

/// <summary>The bus over RabbitMQ: every request is confirmed by the broker, and returned by it when no queue takes it. What is told is confirmed, too, but nobody need listen.</summary>
internal sealed class BrokerBus(IBrokerTransport transport, BusNames names) : IExplainBus
{
    /// <summary>A send that is in flight while the broker restarts may be lost or arrive all the same; so it is sent again, at worst twice. What the operator must correct is not.</summary>
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
        try
        {
            using var activity = TraceHeaders.Send(exchange);
            await _sending.ExecuteAsync(async token => await transport.SendAsync(exchange, message, id, mandatory, token), cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            throw new BusException($"The broker did not confirm a message to {exchange}: {e.Message} It may or may not have arrived; publish it again.", e);
        }
    }
}
