using System.Diagnostics;
using System.Text;
using MassTransit;

namespace AgCam.Pipeline.Telemetry;

/// <summary>
/// W3C trace context in a message's headers, under W3C's names, so that a producer of any language can begin the trace. The bus's own
/// headers are not used: it neither reads
/// <c>traceparent</c> nor writes it.
/// </summary>
internal static class TraceHeaders
{
    private const string Parent = "traceparent",
        State = "tracestate";

    /// <summary>The span of a send; the message carries it, or the one around it where nobody traces here.</summary>
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

    /// <returns>The same, for a message that the bus does not write; null when nothing is traced.</returns>
    public static Dictionary<string, object?>? Current() =>
        Activity.Current is { IdFormat: ActivityIdFormat.W3C } current
            ? new Dictionary<string, object?> { [Parent] = current.Id, [State] = current.TraceStateString ?? "" }
            : null;

    /// <summary>The span of handling a message, a child of the one that it carries.</summary>
    public static Activity? Receive(string name, ConsumeContext context)
    {
        var parent = Read(context);
        if (PipelineTelemetry.Activities.StartActivity(name, ActivityKind.Consumer, parent) is { } activity)
            return activity
                .SetTag("messaging.destination.name", context.ReceiveContext.InputAddress?.AbsolutePath.Split('/')[^1])
                .SetTag("messaging.operation.type", "process");
        // Nobody traces here, but what is sent on from here is to belong to the producer's trace all the same.
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
