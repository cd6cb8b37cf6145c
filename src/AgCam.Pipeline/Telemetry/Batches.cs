using System.Diagnostics;

namespace AgCam.Pipeline.Telemetry;

/// <summary>Spans of what is done for several requests at once.</summary>
public static class Batches
{
    /// <summary>A span that links to the requests in it, once each; a child of the request where there is one only.</summary>
    /// <returns>Null when nobody traces.</returns>
    public static Activity? Start(string name, IEnumerable<ActivityContext> requests)
    {
        if (!PipelineTelemetry.Activities.HasListeners())
            return null;
        var distinct = requests.Where(request => request != default).Distinct().ToList();
        return PipelineTelemetry.Activities.StartActivity(
            name,
            ActivityKind.Internal,
            distinct.Count == 1 ? distinct[0] : default,
            links: distinct.Select(request => new ActivityLink(request))
        );
    }
}
