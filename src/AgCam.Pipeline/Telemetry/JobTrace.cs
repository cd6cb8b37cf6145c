using System.Diagnostics;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Telemetry;

/// <summary>
/// Links the traces of a job's chunks to its submission. Each chunk has its own trace: a job with a million images would be one trace, open
/// for hours, that no tool shows.
/// </summary>
public static class JobTrace
{
    /// <summary>Traceparent of the current span, for <see cref="JobSpec.Trace"/>. Null without W3C tracing.</summary>
    public static string? Here => Activity.Current is { IdFormat: ActivityIdFormat.W3C } current ? current.Id : null;

    /// <summary>
    /// Starts the span around publishing a chunk, the root of the chunk's trace. Null without a listener, and for a request's chunk.
    /// </summary>
    internal static Activity? Publish(Chunk chunk, JobSpec? spec)
    {
        if (spec is null || !PipelineTelemetry.Activities.HasListeners())
            return null;
        IEnumerable<ActivityLink> submission = ActivityContext.TryParse(spec.Trace, null, isRemote: true, out var asked)
            ? [new ActivityLink(asked)]
            : [];
        return
            PipelineTelemetry.Activities.StartActivity("publish", ActivityKind.Internal, default(ActivityContext), links: submission)
                is { } activity
            ? activity
                .SetTag("agcam.job", chunk.Owner)
                .SetTag("agcam.chunk", chunk.Number)
                .SetTag("agcam.images", chunk.Count)
                .SetTag("agcam.publish_count", chunk.PublishCount)
            : null;
    }
}
