using AgCam.Pipeline.Messages;
using MassTransit;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// The bus inside one process. Its messages end with the process, so every request is stored first. The sweeper of the next process
/// publishes it again.
/// </summary>
internal sealed class InProcessBus(IBus bus, BusNames names, ExplainEvents events) : IExplainBus
{
    public async Task PublishAsync(ExplainImages message, CancellationToken cancellationToken = default)
    {
        ExplainImagesRules.ThrowIfInvalid(message);
        using var activity = TraceHeaders.Send(names.Of(message.Lane));
        var endpoint = await bus.GetSendEndpoint(new Uri($"queue:{names.Of(message.Lane)}"));
        await endpoint.Send(message, (SendContext<ExplainImages> context) => TraceHeaders.Write(context), cancellationToken);
    }

    public Task PublishEventAsync(ChunkExplained message, CancellationToken cancellationToken = default)
    {
        events.Dispatch(message);
        return Task.CompletedTask;
    }

    public Task PublishEventAsync(JobCompleted message, CancellationToken cancellationToken = default)
    {
        events.Dispatch(message);
        return Task.CompletedTask;
    }
}
