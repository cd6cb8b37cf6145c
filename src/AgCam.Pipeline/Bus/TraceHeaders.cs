using System.Diagnostics;
using System.Text;
using AgCam.Pipeline.Telemetry;
using MassTransit;

namespace AgCam.Pipeline.Bus;

/// <summary>
/// Carries the W3C trace context in message headers, so that a producer in any language can begin the trace.
/// MassTransit neither reads nor writes <c>traceparent</c>.
/// </summary>
internal static class TraceHeaders
{
    private const string Parent = "traceparent",
        State = "tracestate";

    /// <summary>Starts the span of a send. The message carries it, or the current span when this process does not trace.</summary>
    public static Activity? Send(string destination) =>
        PipelineTelemetry.Activities.StartActivity($"send {destination}", ActivityKind.Producer) is { } activity
            ? activity.SetTag("messaging.destination.name", destination).SetTag("messaging.operation.type", "send")
            : null;

    public static void Write(SendContext context)
    {
        if (Activity.Current is not { IdFormat: ActivityIdFormat.W3C } current)
            return;
        context.Headers.Set(Parent, current.Id);
        if (current.TraceStateString is { Length: > 0 } state)
            context.Headers.Set(State, state);
    }

    /// <summary>Returns the headers for a message that is sent without MassTransit; null without a current span.</summary>
    public static Dictionary<string, object?>? Current() =>
        Activity.Current is { IdFormat: ActivityIdFormat.W3C } current
            ? new Dictionary<string, object?> { [Parent] = current.Id, [State] = current.TraceStateString ?? "" }
            : null;

    /// <summary>Starts the span of handling a message, as a child of the span that the message carries.</summary>
    public static Activity? Receive(string name, ConsumeContext context)
    {
        var parent = Read(context);
        if (PipelineTelemetry.Activities.StartActivity(name, ActivityKind.Consumer, parent) is { } activity)
            return activity
                .SetTag("messaging.destination.name", context.ReceiveContext.InputAddress?.AbsolutePath.Split('/')[^1])
                .SetTag("messaging.operation.type", "process");
        // This process does not trace, but the messages that it sends belong to the producer's trace.
        return parent == default ? null : new Activity(name).SetParentId(parent.TraceId, parent.SpanId, parent.TraceFlags).Start();
    }

    private static ActivityContext Read(ConsumeContext context) =>
        Text(context, Parent) is { } parent && ActivityContext.TryParse(parent, Text(context, State), isRemote: true, out var trace)
            ? trace
            : default;

    private static string? Text(ConsumeContext context, string name)
    {
        if (!context.ReceiveContext.TransportHeaders.TryGetHeader(name, out var value) && !context.Headers.TryGetHeader(name, out value))
            return null;
        return value as string ?? (value is byte[] bytes ? Encoding.UTF8.GetString(bytes) : null);
    }
}
