using System.Diagnostics;

namespace AgCam.Pipeline.Telemetry;

/// <summary>Starts spans of work that serves several requests at once.</summary>
public static class Batches
{
    /// <summary>Starts a span that links to each request once. With one request, the span is its child.</summary>
    /// <returns>Null without a listener.</returns>
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
