using System.Diagnostics;
using AgCam.Pipeline.Messages;
using AgCam.Pipeline.Telemetry;
using MassTransit;

namespace AgCam.Pipeline.Bus;

/// <summary>Validates a request of a lane and passes it to the handler.</summary>
/// <param name="handler">Lazy, because it depends on the bus.</param>
internal sealed class ExplainConsumer(Lazy<IExplainHandler> handler) : IConsumer<ExplainImages>
{
    public async Task Consume(ConsumeContext<ExplainImages> context)
    {
        var (message, redelivered) = (context.Message, context.ReceiveContext.Redelivered);
        ExplainImagesRules.ThrowIfInvalid(message);
        if (context.SentTime is { } sent && !redelivered)
            // The sender's clock may be ahead.
            Stage.Record(Stage.Queue, TimeSpan.FromTicks(Math.Max(0, (DateTime.UtcNow - sent.ToUniversalTime()).Ticks)));
        if (redelivered)
            PipelineTelemetry.Redeliveries.Add(1, new KeyValuePair<string, object?>("lane", message.Lane.ToString()));
        using var activity = TraceHeaders.Receive("explain", context);
        if (activity is { IsAllDataRequested: true })
            activity
                .SetTag("agcam.owner", message.Owner)
                .SetTag("agcam.job", message.JobId)
                .SetTag("agcam.chunk", message.Chunk)
                .SetTag("agcam.images", message.References.Count)
                .SetTag("agcam.model", message.Model.Id)
                .SetTag("agcam.lane", message.Lane)
                .SetTag("agcam.redelivered", redelivered);
        try
        {
            await handler.Value.HandleAsync(message, redelivered, context.CancellationToken);
        }
        catch (Exception e)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.GetType().Name);
            throw;
        }
    }
}

/// <summary>
/// Publishes a request that came as plain JSON to the lane that it names. An empty body arrives without fields and is invalid.
/// </summary>
internal sealed class IntakeConsumer(Lazy<IExplainBus> bus) : IConsumer<ExplainIntake>
{
    public async Task Consume(ConsumeContext<ExplainIntake> context)
    {
        using var activity = TraceHeaders.Receive("take in", context);
        await bus.Value.PublishAsync(context.Message.ToMessage(), context.CancellationToken);
    }
}

/// <summary>Forwards broker events to local subscribers.</summary>
internal sealed class EventConsumer(ExplainEvents events) : IConsumer<ChunkExplained>, IConsumer<JobCompleted>
{
    public Task Consume(ConsumeContext<ChunkExplained> context)
    {
        events.Dispatch(context.Message);
        return Task.CompletedTask;
    }

    public Task Consume(ConsumeContext<JobCompleted> context)
    {
        events.Dispatch(context.Message);
        return Task.CompletedTask;
    }
}
