using System.Runtime.Serialization;
using AgCam.Pipeline.Messages;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// What becomes of a message whose handling failed. One that can never be carried out is put aside with its reason, in the queue that ends in _error. Any other
/// goes back to its queue: the trouble is not the message's.
/// </summary>
internal sealed class FaultedMessages(ILogger<FaultedMessages> log) : IFilter<ExceptionReceiveContext>
{
    public async Task Send(ExceptionReceiveContext context, IPipe<ExceptionReceiveContext> next)
    {
        if (IsMessagesFault(context.Exception))
        {
            log.LogWarning("A message in {Queue} was put aside: {Reason}", context.InputAddress.AbsolutePath, context.Exception.Message);
            await next.Send(context);
            return;
        }
        if (context.Exception is not GiveBackException)
            log.LogError(context.Exception, "A message goes back to {Queue}", context.InputAddress.AbsolutePath);
        throw context.Exception;
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("faulted messages");

    private static bool IsMessagesFault(Exception e) =>
        e is InvalidMessageException or SerializationException or MessageException or MessageNotConsumedException || (e.InnerException is { } inner && IsMessagesFault(inner));
}
