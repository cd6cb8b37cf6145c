using AgCam.Pipeline.Stores;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// What becomes of a message whose handling failed. Where the trouble is the broker's, the store's or the worker's, it goes back to its
/// queue. Any other would fail again
/// and again, so it is put aside with its reason, in the queue that ends in _error.
/// </summary>
internal sealed class FaultedMessages(ILogger<FaultedMessages> log) : IFilter<ExceptionReceiveContext>
{
    public async Task Send(ExceptionReceiveContext context, IPipe<ExceptionReceiveContext> next)
    {
        if (MayPass(context.Exception))
        {
            log.LogInformation("A message goes back to {Queue}: {Reason}", context.InputAddress.AbsolutePath, context.Exception.Message);
            throw context.Exception;
        }
        log.LogWarning("A message in {Queue} was put aside: {Reason}", context.InputAddress.AbsolutePath, context.Exception.Message);
        await next.Send(context);
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("faulted messages");

    private static bool MayPass(Exception e) =>
        e
            is RequeueException
                or BusException
                or StoreUnavailableException
                or StoreSchemaException
                or OperationCanceledException
                or ConsumerCanceledException
        || (e.InnerException is { } inner && MayPass(inner));
}
