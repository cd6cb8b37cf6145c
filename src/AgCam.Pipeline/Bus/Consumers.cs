using AgCam.Pipeline.Messages;
using MassTransit;

namespace AgCam.Pipeline.Bus;

/// <summary>A request from a lane goes to the handler.</summary>
/// <param name="handler">Comes later than the bus, which it needs itself.</param>
internal sealed class ExplainConsumer(Lazy<IExplainHandler> handler) : IConsumer<ExplainImages>
{
    public Task Consume(ConsumeContext<ExplainImages> context)
    {
        ExplainImagesRules.ThrowIfInvalid(context.Message);
        return handler.Value.HandleAsync(context.Message, context.ReceiveContext.Redelivered, context.CancellationToken);
    }
}

/// <summary>A request as plain JSON goes to the lane it names. An empty body arrives here as a request without fields, and is invalid as one.</summary>
internal sealed class IntakeConsumer(Lazy<IExplainBus> bus) : IConsumer<ExplainIntake>
{
    public Task Consume(ConsumeContext<ExplainIntake> context) => bus.Value.PublishAsync(context.Message.ToMessage(), context.CancellationToken);
}

/// <summary>What is told by other processes is heard in this one.</summary>
internal sealed class EventConsumer(ExplainEvents events) : IConsumer<ChunkExplained>, IConsumer<JobCompleted>
{
    public Task Consume(ConsumeContext<ChunkExplained> context)
    {
        events.Hear(context.Message);
        return Task.CompletedTask;
    }

    public Task Consume(ConsumeContext<JobCompleted> context)
    {
        events.Hear(context.Message);
        return Task.CompletedTask;
    }
}
