using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace AgCam.Pipeline.Telemetry;

/// <summary>Instruments and spans of the pipeline's processes. They count images, not messages.</summary>
public static class PipelineTelemetry
{
    /// <summary>Of the meter and of the activity source.</summary>
    public const string Name = "AgCam.Pipeline";

    public static readonly ActivitySource Activities = new(Name);

    private static readonly Meter Meter = new(Name);

    private static readonly double[] Seconds =
    [
        0.0005,
        0.001,
        0.0025,
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1,
        2.5,
        5,
        10,
        30,
        60,
        300,
    ];

    /// <summary>Images that have their record; tags: outcome (completed or failed), and reason where it failed.</summary>
    public static readonly Counter<long> Images = Meter.CreateCounter<long>(
        "agcam.images",
        "{image}",
        "Images that have their terminal record."
    );

    /// <summary>Images whose explanation was stored already.</summary>
    public static readonly Counter<long> Found = Meter.CreateCounter<long>(
        "agcam.images.found",
        "{image}",
        "Images whose explanation was stored already."
    );

    /// <summary>Images of the requests that this process has in hand.</summary>
    public static readonly UpDownCounter<long> InFlight = Meter.CreateUpDownCounter<long>(
        "agcam.images.inflight",
        "{image}",
        "Images of the requests that this worker has in hand."
    );

    public static readonly Histogram<int> BatchSize = Meter.CreateHistogram(
        "agcam.batch.size",
        "{image}",
        "Images in a forward pass.",
        advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512] }
    );

    public static readonly Histogram<double> BatchSeconds = Histogram("agcam.batch.duration", "Time on the device for a batch.");

    /// <summary>Grows by a second in a second in which the device always had a batch: its rate is the busy share.</summary>
    public static readonly Counter<double> DeviceBusy = Meter.CreateCounter<double>(
        "agcam.device.busy",
        "s",
        "Time for which the device had a batch to compute."
    );

    /// <summary>Tags: lane, alone.</summary>
    public static readonly Histogram<double> ChunkSeconds = Histogram("agcam.chunk.duration", "From the lease of a chunk to its end.");

    /// <summary>Tags: operation, outcome (ok or failed).</summary>
    public static readonly Histogram<double> StoreSeconds = Histogram("agcam.store.duration", "Time for one call of the store.");

    /// <summary>Requests that a broker gave out before. Tag: lane.</summary>
    public static readonly Counter<long> Redeliveries = Meter.CreateCounter<long>(
        "agcam.redeliveries",
        "{request}",
        "Requests that the broker gave out a second time or more often."
    );

    /// <summary>Tag: outcome (delivered, unanswered or given-up).</summary>
    public static readonly Counter<long> Webhooks = Meter.CreateCounter<long>(
        "agcam.webhooks",
        "{call}",
        "Webhook calls about completed jobs."
    );

    private static Stores.Backlog? _backlog;

    private static readonly ObservableGauge<long> BacklogImages = Meter.CreateObservableGauge(
        "agcam.backlog",
        () => Known(backlog => backlog.Images),
        "{image}",
        "Images that were accepted and have no record yet, of all processes together."
    );

    private static readonly ObservableGauge<double> BacklogAge = Meter.CreateObservableGauge(
        "agcam.backlog.age",
        () => Known(backlog => backlog.Oldest is { } oldest ? Math.Max(0, (DateTimeOffset.UtcNow - oldest).TotalSeconds) : 0),
        "s",
        "Age of the oldest job or request that has not ended."
    );

    /// <summary>Whether anybody asks for the backlog: it costs the store a query.</summary>
    public static bool WantsBacklog => BacklogImages.Enabled || BacklogAge.Enabled;

    private static Stores.StoreSize? _size;

    private static readonly ObservableGauge<long> StoreBytes = Meter.CreateObservableGauge(
        "agcam.store.size",
        () => KnownSize(size => size.Bytes),
        "By",
        "Bytes of data and indexes in the store."
    );

    private static readonly ObservableGauge<long> StoreFreeBytes = Meter.CreateObservableGauge(
        "agcam.store.free",
        () => KnownSize(size => size.FreeBytes),
        "By",
        "Bytes that the store can still grow by, where it is known."
    );

    /// <summary>Whether anybody asks for the size of the store.</summary>
    public static bool WantsSize => StoreBytes.Enabled || StoreFreeBytes.Enabled;

    /// <summary>Counters begin at 0 rather than with their first event: a rate over the first failure needs a point before it.</summary>
    internal static void Begin()
    {
        foreach (var outcome in new[] { "completed", "failed" })
            Images.Add(0, new KeyValuePair<string, object?>("outcome", outcome));
        foreach (var lane in Enum.GetNames<Messages.Lane>())
            Redeliveries.Add(0, new KeyValuePair<string, object?>("lane", lane));
        foreach (var outcome in new[] { "delivered", "unanswered", "given-up" })
            Webhooks.Add(0, new KeyValuePair<string, object?>("outcome", outcome));
        Found.Add(0);
    }

    /// <summary>The same for what only a process with a device has: an average over devices counts no process without one.</summary>
    public static void BeginDevice()
    {
        InFlight.Add(0);
        DeviceBusy.Add(0);
    }

    /// <summary>The newest one known; until there is one, no gauge is reported.</summary>
    internal static void Report(Stores.Backlog backlog) => Volatile.Write(ref _backlog, backlog);

    /// <inheritdoc cref="Report(Stores.Backlog)"/>
    internal static void Report(Stores.StoreSize size) => Volatile.Write(ref _size, size);

    private static Measurement<long>[] KnownSize(Func<Stores.StoreSize, long?> value) =>
        Volatile.Read(ref _size) is { } size && value(size) is { } known ? [new Measurement<long>(known)] : [];

    private static Measurement<T>[] Known<T>(Func<Stores.Backlog, T> value)
        where T : struct => Volatile.Read(ref _backlog) is { } backlog ? [new Measurement<T>(value(backlog))] : [];

    private static Histogram<double> Histogram(string name, string description) =>
        Meter.CreateHistogram(name, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });
}
