using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace AgCam.Pipeline.Telemetry;

/// <summary>What the pipeline's processes measure, by image. The bus's own instruments are under "MassTransit" and count messages.</summary>
public static class PipelineTelemetry
{
    /// <summary>Of the meter and of the activity source.</summary>
    public const string Name = "AgCam.Pipeline";

    public static readonly ActivitySource Activities = new(Name);

    private static readonly Meter Meter = new(Name);

    /// <summary>Images that have their record; tag: outcome (completed or failed).</summary>
    public static readonly Counter<long> Images = Meter.CreateCounter<long>("agcam.images", "{image}", "Images that have their terminal record.");

    /// <summary>Images whose explanation was stored already.</summary>
    public static readonly Counter<long> Found = Meter.CreateCounter<long>("agcam.images.found", "{image}", "Images whose explanation was stored already.");

    public static readonly Histogram<int> BatchSize = Meter.CreateHistogram<int>("agcam.batch.size", "{image}", "Images in a forward pass.");

    public static readonly Histogram<double> BatchSeconds = Meter.CreateHistogram<double>("agcam.batch.duration", "s", "Time on the device for a batch.");

    /// <summary>Tags: lane, alone.</summary>
    public static readonly Histogram<double> ChunkSeconds = Meter.CreateHistogram<double>("agcam.chunk.duration", "s", "From the lease of a chunk to its end.");

    public static readonly Histogram<double> SaveSeconds = Meter.CreateHistogram<double>("agcam.save.duration", "s", "Time for one call that stores results.");
}
