using AgCam.Pipeline.Stores;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// Requeues a message whose handling failed for a transient reason. Any other failure would repeat, so the message goes to the error
/// queue with its reason.
/// </summary>
internal sealed class FaultedMessages(ILogger<FaultedMessages> log) : IFilter<ExceptionReceiveContext>
{
    public async Task Send(ExceptionReceiveContext context, IPipe<ExceptionReceiveContext> next)
    {
        if (IsTransient(context.Exception))
        {
            log.LogInformation("Requeued a message to {Queue}: {Reason}", context.InputAddress.AbsolutePath, context.Exception.Message);
            throw context.Exception;
        }
        log.LogWarning(
            "Moved a message of {Queue} to its error queue: {Reason}",
            context.InputAddress.AbsolutePath,
            context.Exception.Message
        );
        await next.Send(context);
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("faulted messages");

    private static bool IsTransient(Exception e) =>
        e
            is RequeueException
                or BusException
                or StoreUnavailableException
                or StoreSchemaException
                or OperationCanceledException
                or ConsumerCanceledException
        || (e.InnerException is { } inner && IsTransient(inner));
}
