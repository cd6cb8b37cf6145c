using AgCam.Pipeline.Messages;
using Polly;
using Polly.Retry;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// The bus over RabbitMQ. The broker confirms every message, and returns a request that no queue takes. An event needs no queue.
/// </summary>
internal sealed class BrokerBus(IBrokerTransport transport, BusNames names) : IExplainBus
{
    /// <summary>
    /// Retries sends: one in flight during a broker restart may be lost or arrive, so a message may arrive twice.
    /// Errors that the operator must correct are not retried.
    /// </summary>
    private readonly ResiliencePipeline _sending = new ResiliencePipelineBuilder()
        .AddRetry(
            new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<Exception>(e => e is not OperationCanceledException and not OptionsException),
                MaxRetryAttempts = 4,
                Delay = TimeSpan.FromMilliseconds(200),
                MaxDelay = TimeSpan.FromSeconds(5),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
            }
        )
        .Build();

    public Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default)
    {
        ExplainImagesRules.ThrowIfInvalid(message);
        return SendAsync(
            names.Of(message.Lane),
            message,
            RequestId.Of($"{message.Key}/{message.PublishCount}"),
            mandatory: true,
            cancellationToken
        );
    }

    public Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default) =>
        SendAsync(names.Events, message, RequestId.Of($"explained/{message.Owner}/{message.Chunk}"), mandatory: false, cancellationToken);

    public Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default) =>
        SendAsync(names.Events, message, message.JobId, mandatory: false, cancellationToken);

    private async Task SendAsync<T>(string exchange, T message, Guid id, bool mandatory, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            using var activity = TraceHeaders.Send(exchange);
            await _sending.ExecuteAsync(
                async cancellationToken => await transport.SendAsync(exchange, message, id, mandatory, cancellationToken),
                cancellationToken
            );
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new BusException(
                $"The broker did not confirm a message to {exchange}: {e.Message} It may or may not have arrived; publish it again.",
                e
            );
        }
    }
}
