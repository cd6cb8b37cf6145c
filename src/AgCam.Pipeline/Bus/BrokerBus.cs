using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Telemetry;
using Polly;
using Polly.Retry;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// The bus over RabbitMQ: every request is confirmed by the broker, and returned by it when no queue takes it. What is told is
/// confirmed, too, but nobody need listen.
/// </summary>
internal sealed class BrokerBus(IBrokerTransport transport, BusNames names) : IExplainBus
{
    /// <summary>
    /// A send that is in flight while the broker restarts may be lost or arrive all the same; so it is sent again, at worst twice. What
    /// the operator must correct is not.
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
