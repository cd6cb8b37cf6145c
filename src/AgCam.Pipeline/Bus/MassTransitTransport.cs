using MassTransit;

namespace AgCam.Pipeline.Bus;

/// <summary>Sends through MassTransit. A returned message means that its queue is gone, so the topology is declared again.</summary>
internal sealed class MassTransitTransport(IBus bus, PipelineOptions options, Topology topology) : IBrokerTransport
{
    private readonly TimeSpan _confirm = TimeSpan.FromSeconds(options.ConfirmSeconds);

    /// <summary>Sends with a timeout: a send in flight may hang for ever while the broker restarts.</summary>
    public async Task SendAsync<T>(string exchange, T message, Guid id, bool mandatory, CancellationToken cancellationToken)
        where T : class
    {
        var endpoint = await bus.GetSendEndpoint(new Uri($"exchange:{exchange}")).WaitAsync(_confirm, cancellationToken);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
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
            timeout.Token
        );
        try
        {
            await sending.WaitAsync(_confirm, cancellationToken);
        }
        catch (TimeoutException)
        {
            await timeout.CancelAsync();
            _ = sending.ContinueWith(
                late => late.Exception,
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted,
                TaskScheduler.Default
            );
            throw;
        }
        catch (MessageReturnedException)
        {
            await topology.DeclareAsync(cancellationToken);
            throw;
        }
    }
}
