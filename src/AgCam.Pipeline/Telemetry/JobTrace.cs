using System.Diagnostics;
using AgCam.Pipeline.Records;

namespace AgCam.Pipeline.Telemetry;

/// <summary>
/// From the submission of a job to its chunks. Each chunk has a trace of its own that links to the submission's: as children, a million
/// images would be one trace, open for hours, that no tool shows.
/// </summary>
public static class JobTrace
{
    /// <summary>What <see cref="JobSpec.Trace"/> keeps: the span that asks for the job.</summary>
    public static string? Here => Activity.Current is { IdFormat: ActivityIdFormat.W3C } current ? current.Id : null;

    /// <summary>
    /// The span around the sending of a chunk, with which the chunk's trace begins. Null when nobody traces, or no job is behind the
    /// chunk.
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
