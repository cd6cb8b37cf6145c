using AgCam.Pipeline.Telemetry;
using MassTransit;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// Sending as MassTransit does it. A returned message means that its queue is gone: it is declared anew for the next try.
/// </summary>
internal sealed class MassTransitTransport(IBus bus, PipelineOptions options, Topology topology) : IBrokerTransport
{
    private readonly TimeSpan _confirm = TimeSpan.FromSeconds(options.ConfirmSeconds);

    /// <summary>A send that is in flight while the broker restarts may hang for ever, so it has its time.</summary>
    public async Task SendAsync<T>(string exchange, T message, Guid id, bool mandatory, CancellationToken cancellationToken)
        where T : class
    {
        var endpoint = await bus.GetSendEndpoint(new Uri($"exchange:{exchange}")).WaitAsync(_confirm, cancellationToken);
        using var tooLong = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
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
            tooLong.Token
        );
        try
        {
            await sending.WaitAsync(_confirm, cancellationToken);
        }
        catch (TimeoutException)
        {
            await tooLong.CancelAsync();
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
