using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace AgCam;

/// <summary>
/// Records the duration of each stage from a request to its stored result: one histogram, <c>agcam.stage.duration</c> in seconds, with the
/// tag <c>stage</c>. Without a listener nothing is measured.
/// </summary>
public static class Stage
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "AgCam";

    /// <summary>Waits in the broker, from publish to delivery. Per request.</summary>
    public const string Queue = "queue";

    /// <summary>Reads the referenced bytes into memory. Per image.</summary>
    public const string Fetch = "fetch";

    /// <summary>Decodes bytes to the model's input on the host. Per image.</summary>
    public const string Decode = "decode";

    /// <summary>Copies the input to the device. Per batch.</summary>
    public const string Copy = "copy";

    /// <summary>Computes logits from the input. Per batch.</summary>
    public const string Forward = "forward";

    /// <summary>Computes maps after the logits. Per batch.</summary>
    public const string Explain = "explain";

    /// <summary>Stores the results of one or more requests. Per call.</summary>
    public const string Store = "store";

    public static IReadOnlyList<string> All { get; } = [Queue, Fetch, Decode, Copy, Forward, Explain, Store];

    private static readonly Meter Meter = new(MeterName);

    private static readonly Histogram<double> Duration = Meter.CreateHistogram(
        "agcam.stage.duration",
        "s",
        "Time that a stage took: queue per request, fetch and decode per image, copy, forward and explain per batch, store per call.",
        advice: new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
        }
    );

    public static bool IsMeasured => Duration.Enabled;

    /// <returns>Start time for <see cref="End"/>; 0 when nothing is measured.</returns>
    public static long Begin() => Duration.Enabled ? Stopwatch.GetTimestamp() : 0;

    /// <returns>Start time of the next stage.</returns>
    public static long End(string stage, long startedAt)
    {
        if (startedAt == 0)
            return 0;
        var now = Stopwatch.GetTimestamp();
        Record(stage, Stopwatch.GetElapsedTime(startedAt, now));
        return now;
    }

    public static void Record(string stage, TimeSpan elapsed) =>
        Duration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("stage", stage));
}
