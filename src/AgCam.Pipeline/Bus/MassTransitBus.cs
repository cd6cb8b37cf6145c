using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Telemetry;
using MassTransit;
using Polly;
using Polly.Retry;

namespace AgCam.Pipeline.Bus;

/// <summary>The bus over RabbitMQ: every request is confirmed by the broker, and returned by it when no queue takes it.</summary>
internal sealed class MassTransitBus(IBus bus, BusNames names, PipelineOptions options, Topology topology) : IExplainBus
{
    /// <summary>
    /// A send that is in flight while the broker restarts may hang for ever, so each attempt has its time; then it is sent again, at worst twice. A returned message means
    /// that its queue is gone: it is declared anew.
    /// </summary>
    private readonly ResiliencePipeline _sending = new ResiliencePipelineBuilder()
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<Exception>(e => e is not OperationCanceledException),
            MaxRetryAttempts = 4,
            Delay = TimeSpan.FromMilliseconds(200),
            MaxDelay = TimeSpan.FromSeconds(5),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            OnRetry = async retry =>
            {
                if (retry.Outcome.Exception is MessageReturnedException)
                    await topology.DeclareAsync(retry.Context.CancellationToken);
            },
        })
        .Build();

    private readonly TimeSpan _confirm = TimeSpan.FromSeconds(options.ConfirmSeconds);

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
            await _sending.ExecuteAsync(async token => await AttemptAsync(exchange, message, id, mandatory, token), cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            throw new BusException($"The broker did not confirm a message to {exchange}: {e.Message} It may or may not have arrived; publish it again.", e);
        }
    }

    private async Task AttemptAsync<T>(string exchange, T message, Guid id, bool mandatory, CancellationToken cancel)
        where T : class
    {
        var endpoint = await bus.GetSendEndpoint(new Uri($"exchange:{exchange}")).WaitAsync(_confirm, cancel);
        using var tooLong = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var sending = endpoint.Send(
            message,
            context =>
            {
                context.MessageId = id;
                TraceHeaders.Write(context);
                if (context.TryGetPayload(out RabbitMqSendContext? rabbit))
                {
                    rabbit!.Mandatory = mandatory;
                    rabbit.Durable = true;
                }
            },
            tooLong.Token);
        try
        {
            await sending.WaitAsync(_confirm, cancel);
        }
        catch (TimeoutException)
        {
            await tooLong.CancelAsync();
            _ = sending.ContinueWith(late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw;
        }
    }
}
